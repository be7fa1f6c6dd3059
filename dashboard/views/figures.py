"""What each figure of each page shows, in words: the text behind Help.

A title may name several columns, headings or marks, separated by `` · ``: a test holds that each of
a page's own has its place here. Rules and legends come from where the page takes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboard import look
from dashboard.views import live
from dashboard.views.advice_budget import FEASIBLE_WORDS, SOURCE_WORDS
from dashboard.views.compare_features import FEATURES
from dashboard.views.fleet.drawn import LEGEND
from dashboard.views.fleet.peers import RULE as RULE_OF_PEERS
from dashboard.views.fleet.table import latency_limits
from dashboard.views.model.data import BUFFER
from dashboard.views.model.history import RULE as RULE_OF_CHANGES
from dashboard.views.model.response import MIN_SNR_DB
from profiler.catalogue.limits import MIN_REPEATS
from profiler.model import Verdict
from profiler.summary import MARGIN_MS
from profiler.summary.effects import CLIFF

SEPARATOR: Final = " · "


def _limits() -> str:
    return ", ".join(
        f"{look.VERDICT_WORDS[v]} beyond {at:g} ms" for v, at in latency_limits().items()
    )


def _sizes() -> str:
    *smaller, last = CLIFF
    return ", ".join(f"below {limit:g} {word}" for limit, word in smaller) + f", else {last[1]}"


def _features() -> str:
    return ", ".join(f"{f.label} ({f.test_id})" for f in FEATURES)


FIGURES: Mapping[str, Mapping[str, str]] = {
    "Fleet": {
        "Model · Devices · Builds": "A row is one model: manufacturer, model code and SoC. Its "
        "values are those of the OS build that was measured last; “Devices” and “Builds” say how "
        "many phones and OS builds there are. ◇ is a simulated phone.",
        "Round trip · Median": "From the app's output to the app's input, app to app, on the path "
        f"chosen above. Drawn: {LEGEND}; dashed: {_limits()} (test L1). In numbers: the median "
        "with its 95 % interval in brackets. The axis is logarithmic, the same one in every row.",
        "The strip · Usual · Filtered away": "Above the table: a dot is one model's median, its "
        "line the 95 % interval. Its colour is no verdict: it says usual, stands out or filtered "
        "away. Short upright lines in the colour of “stands out” are the fences of the peers; "
        "dashed ones the limits of L1. A click opens the model.",
        "Stands out · Peers": RULE_OF_PEERS.replace("*", "") + " `slow`, `fast` and `rejected` in "
        "the column “Peers” are these three. It says that a model is unlike others, not that it is "
        "good or bad: its verdicts do.",
        "Echo removed · Echo": "How much of its own sound the echo canceller takes away at the "
        "loudest volume that was tried (test A1; A2 where only that was made), in dB. ≥: what is "
        "left lies below the noise, so at least this much. A canceller that says that it is on and "
        "does nothing (A2) makes it fail.",
        "Barge-in · Barge-in volume": "Up to which volume a user can talk over the phone's own "
        "sound without the echo being taken for speech (test A9). None or “half duplex”: it must "
        "be shut.",
        f"Buffer · Safe buffer · {BUFFER}": "The smallest output buffer that played without a "
        "glitch (test G1), in bursts of the device or in frames; none: every size that was tried "
        "had some. Smaller is faster and breaks first. Ten seconds without a glitch do not prove "
        "that there is never one: the verdict, and on “Model” the number of glitches that is still "
        "possible, say how sure it is.",
        "Silent · Silent mic · Silent capture · Silent microphone": ""
        "How many configurations of the microphone open, say that they record and deliver nothing "
        "but exact zeros (test D1).",
        "Age": "How long ago the newest result of the model was stored.",
        "Opens · Rejected": "How often the streams were opened on this path, and how many of "
        "these recordings gave a number; the others are rejected. A model with fewer than "
        f"{MIN_REPEATS} opens never passes.",
        "SoC · System · Build · OS builds": "The chip, the operating system with its version, and "
        "the exact build of its firmware, as the phone says them.",
        "Spread": "To sort by: from the fastest 5 % to the slowest 5 % of the opens, in ms.",
        "Table as CSV": "Every row that the filters leave, with units in the names.",
    },
    "Model": {
        f"Round trip · Echo removed, loudest · {BUFFER}": "The five boxes: the newest answer of "
        "the test that decides each question, and its verdict on the phone. That on the buffer is "
        "never better than what its time without a glitch proves, nor than G3's, which listens "
        "longer.",
        "Latency · Round trip by path": "One row a path: interface, mode, input preset and route. "
        f"Drawn: {LEGEND}; dots: single opens. Dashed: {_limits()}.",
        "Its two spreads, kept apart · Between opens · Within an open": "Between opens: the "
        "standard deviation of what users meet from one open to the next. Within an open: how much "
        "the chirps of one recording scatter, which is the method's own noise. Dot: the value; "
        "line: its 95 % interval (chi-square). They are never mixed.",
        "Over OS builds and time · Change points": "Small dots: opens; large: a run's median with "
        "its 95 % interval (of fewer than six opens their range); band: a build's median with its "
        "interval. " + RULE_OF_CHANGES.replace("*", ""),
        "Echo · Echo by volume": "What the canceller removes at each volume (A1; A2, which asks "
        "whether it does what the system says, credits it with a gain control's rise of the "
        "pauses), the margin to a false turn (A9: how far the loudest "
        "echo stays below what counts as a turn) and the time it needs to converge (A4). Point: "
        "the value; line to a tick: the 95 % bound. ▲ on a bar: only this bound "
        "is known. Faint: earlier results.",
        "Buffer and response · Buffer against glitches": "Glitches a minute at each buffer size, "
        "just after the stream was opened (G1), untouched and with the screen off (G3), with exact "
        "Poisson bounds, 95 % to each side. No glitch seen is not none: the upper bound says how "
        "many there may be. Grey cross: xruns as the system counts them.",
        "Frequency response": "Loudspeaker and microphone together, in third-octave bands (V5). "
        "Shaded: what noise could move the curve at most; grey bands and ▼: less than "
        f"{MIN_SNR_DB:g} dB above the noise, an upper bound. Dashed: 10 dB down.",
        "Requested and granted · Requested, granted, measured": "Trial by trial what was asked "
        "for, `asked → granted` where the system gave something else, and what was measured. "
        "“Recording” says whether the trial can be used, not whether the phone is good.",
        "Rate out · Rate in · Channels in · Sharing · Performance · Preset · Canceller · API": ""
        "The settings of a trial. A dash: nothing was asked and nothing said.",
        "Measured · System says · Differs by": "The round trip that was measured, the one that the "
        "system claims for the same streams, and the claim less what was measured.",
        "Trial · Test · What · Recording": "Which trial a row is, the role it has in its test, and "
        "whether its recording is valid. The link opens its evidence.",
        "Every test · What every test said · Verdict · What was found · Results · Reasons · Age": ""
        "The newest "
        "result of each test with its verdict on the phone; “Results”: how many there are and how "
        "they ended, newest first.",
        "Report": "The same figures as one HTML file for printing and sending. It needs no network "
        "and runs no script. Serial numbers of phones are not in it.",
    },
    "Compare": {
        "Round trip by path": "The same path of two to six models or OS builds on one axis. ◆ "
        "median, bar: its 95 % interval (from six sessions on), dots: single sessions. Colours "
        "follow the order in which they were chosen, on every chart; they are no verdicts.",
        "Median · Baseline's median · 95 % · 95 % from · 95 % to · 95th percentile · "
        "Sd between sessions · Sessions · Devices": "Of the sessions on one path: their middle, "
        "the ends of its 95 % interval, what 95 in 100 stay below, and their standard deviation "
        "from one open to the next.",
        "Against the baseline · Baseline · Shift · Verdict": "● the shift (Hodges-Lehmann) with "
        "its 95 % interval. Slower or faster: the whole interval lies on one side of 0 and the "
        f"shift is at least {MARGIN_MS:g} ms. The same: the whole interval lies within "
        f"±{MARGIN_MS:g} ms, the grey band. Else unclear. The interval speaks of the devices that "
        "were measured, not of every unit.",
        "Cliff's delta · Effect": "How much more often one is slower than the other over all pairs "
        f"of sessions, −1 to +1: {_sizes()} (Romano et al. 2006).",
        "p (Mann-Whitney)": "How often chance alone would part the sessions at least so much, if "
        "both were equally fast. The verdict is the interval's, not this number's.",
        "Echo, barge-in, buffer, capture · ≠": "The newest result of each test at the loudest "
        f"volume: {_features()}. ≠: another verdict than the baseline's, or a number further from "
        "it than two runs of one model may be apart.",
    },
    "Evidence": {
        "Recording": "What the trial's verdict says of its recording, never of the phone: "
        f"{look.trial_words(Verdict.PASS)} can be used, whatever the phone is worth. The phone's "
        "verdict is its test's, which takes all trials together; it stands below.",
        "Test · Model · Path · Rate · Started · Attempt · File · Reasons": ""
        "The list: which test and trial, on what, when, which attempt it was, and whether the file "
        "was kept. Tick a row to see it.",
        "Waveform": "The recording as it was read, the extremes of each column. Shaded: clipped "
        "samples, runs of zeros, dropouts; marked: jumps of the timeline.",
        "Spectrogram": "Level by time and frequency. A chirp is a falling line; what a noise "
        "suppressor takes out shows as holes, an echo canceller as missing chirps.",
        "Correlation with what was played · Correlation · Lag": "How well the stimulus fits at "
        "each lag, averaged over all chirps, clock error taken out. The marked arrival is the "
        "onset of the direct sound and need not be the highest peak: reflections come later.",
        "Where chirps are heard": "In an exchange two devices play in turn: how well one chirp "
        "fits along the recording. Dashed: this device plays.",
        "Latency of each chirp": "One point a chirp. The dashed line is the stored latency and "
        "clock drift, the band its 95 %. A step is a lost or repeated block of frames.",
        "Findings": "Of other analyses what they stored: the level of the tone with its glitches, "
        "echo block by block, what became of the near-end voice, frequency response, pitch, the "
        "exchange with a partner, sound between the actions, cost of the speech coder.",
        "Requested, granted, reported, measured": "What the probe asked for, what the system said "
        "it gave, what it says of itself, and what was measured. ≠: given otherwise than asked.",
        "The estimate · Round trip": "The round trip at t = 0 with 1 σ; its confidence; clock "
        "drift of input against output; signal to noise of the chirps; chirps found; how much they "
        "wander about the line; dropouts and jumps; the band that carried the arrival; polarity; "
        "peak and RMS level; clipped samples; the longest run of zeros; samples that are NaN or "
        "Inf.",
        "Confidence": "0 to 1, calibrated: of numbers with 0.9 about nine in ten are right to "
        "within 1 ms.",
        "Partner of the exchange": "The device that plays and hears the other half of an exchange.",
        "Former analyses": "What earlier versions of the analysis said of the same recording.",
    },
    "Advice": {
        "Settings · Setting · Value · Default · Changed · Why · Rule": "What to ship for this "
        "model and use, what the stack does on its own, why, and the rule that decided.",
        "Confidence · Results · Interval · From · Evidence": "How sure a setting is: ●●● high, "
        "this build with three results or more; ●●○ medium, fewer, marginal, or another build; "
        "●○○ low, a farther relative or results that contradict each other; ○○○ assumed, nothing "
        "measured it. Beside it the results behind it, the 95 % interval of the number and the "
        "newest trial.",
        "Delay budgets · Budget · Part · Total · Source": "Where the time goes from mouth to ear, "
        "or from the end of speech to the answer: device, codec, network, jitter buffer, agent. "
        "The line over a bar is the 95 % interval of the whole; » goes on beyond the axis; in red "
        "the goals. A part is " + ", ".join(SOURCE_WORDS.values()) + ".",
        "Goals · " + " · ".join(FEASIBLE_WORDS.values()): "Whether the whole interval of a budget "
        "stays below a goal (keeps), reaches over it (may keep) or lies beyond it (misses), and "
        "the part that is to blame.",
        "Proof": "Both settings ran in the real stack over the same network scenario "
        "(`chirpbench verify`). Grey band: differences that do not count. Metrics: speech quality "
        "(PESQ), intelligibility (STOI), loss concealment (PLCMOS), overall quality (DNSMOS), echo "
        "removed, delays, sound made up, packets lost, bit rate.",
        "Export": "The same advice as files that real stacks load, and what each format cannot "
        "say. What `chirpbench export` refuses is refused here until it is allowed by hand.",
    },
    "Live bench": {
        "Running · Ended · Stopped · Interrupted?": "A bench is one call of `chirpbench run`. "
        "Running: it told something less than "
        f"{live.STALE_S:.0f} s ago. Ended: every device is through. Stopped: somebody pressed "
        "Ctrl-C. Interrupted?: it is not through and says nothing any more, so it was probably "
        "killed; what it measured is stored, and `--resume=` goes on with it.",
        "Device · Zone · Trials · Last news": "One row a device. Devices of one acoustic zone take "
        "turns to sound, so one of them waits while another plays. Trials: finished ones of all.",
        "Now · How it ended · Last seen doing": "connecting, ready, starting, playing, analysing: "
        "its own trial. waiting: another device of the zone sounds. helps: it plays the partner of "
        "another device. done: the run is through, whatever its tests say.",
        "Last result": "The newest that is known of the device: what one trial's recording is "
        "worth, or the verdict of a test on the phone. The words say which of the two.",
        "Tests": "Devices by tests, each sign a test's verdict on the phone. Rest the mouse on it "
        "for the reasons, click it for the newest recording.",
        "Newest trials · When · Test · Recording · Round trip · Reasons · Evidence": "The last "
        "recordings and whether they can be used; not whether the phone is good.",
        "Bench": "Which bench is shown: without a choice whatever runs, else the newest.",
    },
}
"""Text by titles by page."""
