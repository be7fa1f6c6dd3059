package org.chirpbench.probe;

/** One configuration as the host asks for it (docs/probe-protocol.md, {@code request}). */
final class TrialRequest {
    static final String DEFAULT = "default";
    static final String ON = "on";
    static final String OFF = "off";

    String api = DEFAULT;
    String sharing = DEFAULT;
    String performanceMode = DEFAULT;
    String inputPreset = DEFAULT;
    String audioMode = "media";
    String route = DEFAULT;
    String usage = DEFAULT;
    String audioSession = DEFAULT;
    int rateHz = 48000;
    int outputChannels = 1;
    int inputChannels = 1;
    /** Output buffer in bursts; 0 when the host leaves it to the system. */
    int bufferBursts;
    /** Output buffer in frames, wins over bursts; 0 when the host leaves it to the system. */
    int bufferFrames;
    /** 0..1 of the stream's range; negative: leave it alone. */
    double volume = -1;
    String aec = OFF;
    String ns = OFF;
    String agc = OFF;
    double warmupS;
    /** Load of each of {@link #cpuThreads} threads, 0..1 of a core. */
    double cpuLoad;
    int cpuThreads = 1;
    /** Whether the trial goes on when the app leaves the foreground. */
    boolean continuesInBackground;
    /** Whether a call stack is to be in the path; this probe has none and reads no more of it. */
    boolean asksForCall;
    double durationS = 1;

    /** Reads {@code value}; throws {@link Malformed} for whatever the contract does not allow. */
    static TrialRequest read(Object value) throws Malformed {
        Fields f = new Fields(value, "request");
        TrialRequest r = new TrialRequest();
        r.api = f.word("api");
        r.sharing = f.word("sharing");
        r.performanceMode = f.word("performance_mode");
        r.inputPreset = f.word("input_preset");
        r.audioMode = f.word("audio_mode");
        r.route = f.word("route");
        r.usage = f.word("usage");
        r.audioSession = f.word("audio_session");
        r.rateHz = (int) f.integer("rate_hz", Limits.MIN_RATE_HZ, Limits.MAX_RATE_HZ);
        r.outputChannels = (int) f.integer("output_channels", 1, Limits.MAX_CHANNELS);
        r.inputChannels = (int) f.integer("input_channels", 1, Limits.MAX_CHANNELS);
        r.bufferBursts =
                f.isNull("buffer_bursts") ? 0 : (int) f.integer("buffer_bursts", 1, 1024);
        r.bufferFrames =
                f.isNull("buffer_frames")
                        ? 0
                        : (int) f.integer("buffer_frames", 1, Limits.MAX_BUFFER_FRAMES);
        r.volume = f.isNull("volume") ? -1 : f.number("volume", 0, 1);
        r.aec = effect(f, "aec");
        r.ns = effect(f, "ns");
        r.agc = effect(f, "agc");
        r.warmupS = f.number("warmup_s", 0, 60);
        r.cpuLoad = f.number("cpu_load", 0, 1);
        r.cpuThreads = (int) f.integer("cpu_threads", 1, 64);
        String refuse = "refuse";
        String proceed = "continue";
        r.continuesInBackground = f.choice("background", refuse, proceed).equals(proceed);
        if (!f.isNull("call")) {
            new Fields(f.get("call"), "request.call"); // an object, or malformed
            r.asksForCall = true;
        }
        r.durationS = f.number("duration_s", 0.02, 900);
        f.end();
        return r;
    }

    private static String effect(Fields f, String key) throws Malformed {
        // "unknown" is a word of the vocabulary; asked for, it means: leave the effect alone.
        String state = f.choice(key, OFF, ON, DEFAULT, "unknown");
        return state.equals("unknown") ? DEFAULT : state;
    }

    /** Whether the trial runs in MODE_IN_COMMUNICATION. */
    boolean isCommunication() {
        return audioMode.equals("communication");
    }

    /** Whether the output is voice communication: asked for, or following the audio mode. */
    boolean isVoiceUsage() {
        return usage.equals(DEFAULT) ? isCommunication() : usage.equals("voice_communication");
    }

    /** Whether any platform effect is asked for by name. */
    boolean asksForEffects() {
        return !(aec.equals(DEFAULT) && ns.equals(DEFAULT) && agc.equals(DEFAULT));
    }

    /** Whether the route is a Bluetooth one, which needs a permission of its own from API 31 on. */
    boolean isBluetooth() {
        return isBluetooth(route);
    }

    /** {@link #isBluetooth()} of any route's word. */
    static boolean isBluetooth(String route) {
        return route.equals("bluetooth_sco") || route.equals("bluetooth_le");
    }

    /** Frames of the recording at {@code rateHz}. */
    long frames(int rateHz) {
        return Math.round(durationS * rateHz);
    }
}
