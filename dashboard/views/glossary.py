"""The words that pages, tests and papers use, for who meets them here for the first time."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.views.model.history import ENOUGH_RUNS

WORDS: Mapping[str, str] = {
    "Terminal · Command line": "Commands such as `chirpbench run` are typed into a terminal "
    "(Linux, macOS: Terminal; Windows: PowerShell) on the computer that the phones hang on. The "
    "dashboard blocks its own one until Ctrl-C ends it: open another, best in the same folder. "
    "`--db` names the store; the pages show it in their commands where it is needed.",
    "Device · Model · Build · OS build": "A device is one phone. Its model is manufacturer, model "
    "code, SoC and OS build together: twins with another SoC, or the same phone after an update, "
    "are others.",
    "SoC": "System on a chip: the processor. Two phones of one name may have different ones.",
    "Path": "Route (speaker, earpiece, headset), mode (media or communication), interface and "
    "input preset. Each may have another latency.",
    "Route": "Where the sound leaves and enters: speaker, earpiece, headset, Bluetooth.",
    "Audio mode": "`media` for music and video, `communication` for calls: phones then switch on "
    "echo cancelling and other volumes.",
    "Input preset · Preset": "What the app says that it records for. It decides which microphones "
    "and effects the phone uses.",
    "API": "The programming interface that opens the streams: AAudio, OpenSL ES, Java, Core Audio, "
    "Web Audio, a sound server.",
    "Performance · Performance mode · Sharing · MMAP": "How directly the app reaches the sound "
    "hardware: `low_latency`, `exclusive` and a buffer mapped into its memory (MMAP) are the short "
    "ways, and the system need not grant them.",
    "Round trip · Latency": "The time from the app's output to the app's input: through buffers, "
    "converters, loudspeaker, air and microphone.",
    "Open · Stream open · Session": "One opening of the output and input streams, with the trial "
    "made on it. Latency differs from open to open, because whole buffers come and go, so that "
    "one open is one measurement.",
    "Trial": "One recording with one configuration: requested, granted and measured.",
    "Attempt": "A trial that failed for a reason that may pass is tried again; the last one "
    "counts.",
    "Test": "A set of trials and one verdict on the phone, such as L1 (latency) or A1 (echo).",
    "Run · Bench · Suite": "A suite is a list of tests, a run is one suite on one device, a bench "
    "one call of `chirpbench run` with all of its devices.",
    "Zone": "Devices that hear each other. Only one of a zone sounds at a time.",
    "Partner": "Another device or sound interface that plays and records the other half of an "
    "exchange, because a phone that cancels its own echo cannot hear itself.",
    "Probe": "The program on the phone that plays and records: app, web page or sound interface.",
    "Rejected": "Of opens: their recording gave no number.",
    "Virtual · Simulated": "Virtual phones are simulations: their numbers say nothing about real "
    "ones. They are marked ◇ everywhere and never mixed with real phones.",
    "Evidence": "Every number has its recording, kept under its SHA-256, and can be computed "
    "again.",
    "Caution": "What makes a number doubtful: too old, few results, simulated, contradicting ones.",
    # sound
    "Frame · Burst": "A frame is one sample of every channel. A burst is how many frames the "
    "sound hardware moves at once (96 or 192 are usual); buffers are counted in bursts.",
    "Buffer · Safe buffer": "Sound waiting to be played. A small one is fast and runs dry when the "
    "phone is late. A size counts as safe when it and all larger ones tried played without a "
    "glitch; how long was listened says how much that proves.",
    "Glitch · Dropout": "A hole, a lost, repeated or added stretch of sound: a click for the ear.",
    "Xrun · Underrun": "The system's own count of buffers that ran dry or over. It counts some "
    "that nobody hears and misses others.",
    "Silent capture · Silent microphone": "The microphone opens, nothing complains, and every "
    "sample is exactly 0. A quiet room never gives that.",
    "Clipped": "Too loud for the converter: the tops of the wave are cut flat.",
    "Chirp · Train": "A tone that glides through the frequencies; a train is several of them. Its "
    "arrival can be told to a few microseconds.",
    "Correlation · Matched filter": "Sliding what was played along the recording: where it fits "
    "best it arrived. Lag is how far it was slid.",
    "Direct sound": "What goes the shortest way from loudspeaker to microphone, before walls.",
    "Clock drift · ppm": "Two clocks never run equally: 10 ppm are 0.6 ms in a minute.",
    "Jump": "A step of the latency within a recording: frames were lost or put in.",
    "Wander": "How much the latency moves about its line within a recording.",
    "Jitter": "How unevenly packets or callbacks arrive.",
    "Jitter buffer · NetEq": "Holds packets of a call back so that late ones still fit in; it "
    "costs the delay that it evens out. NetEq is WebRTC's.",
    "dB · dBFS": "Decibel: 6 dB are twice the amplitude, 20 dB ten times. dBFS is against the "
    "largest number a sample can hold, so always below 0.",
    "RMS · Peak": "The middle power of a sound and its largest sample.",
    "Signal to noise · SNR": "How far a signal stands above the noise, in dB.",
    "Polarity": "Whether the path turns the wave over; nobody hears it.",
    # echo
    "Echo canceller · AEC · Canceller": "Takes the phone's own sound out of its microphone.",
    "NS · AGC": "Noise suppression and automatic gain control: the other two effects of calls.",
    "ERLE": "Echo return loss enhancement: how much of the echo a canceller removes, in dB. 30 dB "
    "leave a thirtieth of the amplitude.",
    "Converge": "A canceller has to learn the way of the echo first; until then it leaves some.",
    "Barge-in": "Talking over the assistant while it speaks, and being understood.",
    "Half duplex · Full duplex": "Half duplex: the microphone is shut while the phone speaks, as "
    "with a walkie-talkie. Full duplex: both at once, which needs the echo to be gone.",
    "False turn · Margin": "The echo of the assistant taken for the user's turn. The margin is how "
    "many dB are left before that happens.",
    "Near end · Far end": "The near end is who speaks into this phone, the far end what it plays.",
    "VAD": "Voice activity detector: decides whether somebody speaks.",
    # calls and agents
    "Mouth to ear · Turn": "Mouth to ear: from one speaker to the other listener. Turn: from the "
    "end of a user's words to the first sound of the agent's answer.",
    "STT · LLM · TTS": "Speech to text, language model, text to speech: the parts of an agent.",
    "Opus · FEC · DTX": "The usual coder of calls; its repair of lost packets; sending next to "
    "nothing in silence.",
    "Network scenario": "Delay, jitter and loss that stand for a kind of network.",
    # numbers
    "Uncertainty · Interval · σ": "± is one standard deviation (1 σ) of a single number. An "
    "interval “a … b” is 95 %: of a hundred such intervals about 95 hold the truth.",
    "Median · Percentile · MAD": "Half lie below the median, 95 in 100 below the 95th percentile. "
    "MAD: the middle distance from the median.",
    "Standard deviation · Sd": "How far single values usually lie from their mean.",
    "Chi-square interval": "Bounds of a standard deviation from few values; wide for few.",
    "Poisson bounds · Rule of three": "What a count can be by chance. None seen in T minutes: "
    "with 95 % fewer than 3/T a minute.",
    "Tukey's fences · Outlier": "1.5 times the width of the middle half beyond its ends: what lies "
    "outside is unlike the rest.",
    "Hodges-Lehmann · Shift": "How much slower one group is than another: the median of the "
    "differences of all pairs. Single wild values do not move it.",
    "Mann-Whitney · p": "Whether one group tends to be slower, by ranks alone. p is how often "
    "chance would do the same; small p, hardly chance.",
    "Cliff's delta": "How much more often a value of one group is larger than one of the other.",
    "Change point · Pettitt": "Where a series of runs steps to another level. Pettitt's test "
    f"(1979) finds the likeliest place by ranks; it takes {ENOUGH_RUNS} runs or more.",
    "Fewer than": "In “fewer than 20 a minute (95 %)”: what the time listened to rules out.",
}
"""Text by titles; a title may have several names, separated by `` · ``."""
