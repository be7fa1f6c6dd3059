package org.chirpbench.probe;

import android.content.Context;
import android.media.AudioDeviceInfo;
import android.media.AudioManager;
import android.os.Build;

/** AAudio through the C library: callback driven, exclusive or shared. */
final class NativeEngine implements Engine {
    private static final int INVALID_ARGUMENT = -898;
    private static final int INVALID_FORMAT = -883;
    private static final int INVALID_RATE = -880;

    private final AudioManager audio;
    private final int[] granted = new int[NativeAudio.G_COUNT];
    private final long[] status = new long[NativeAudio.S_COUNT];
    private final long[] pair = new long[2];
    private TrialRequest request;
    private long handle;
    private boolean handedOver;
    private int warmupFrames;
    private int recordingFrames;
    private long outputXrunsBefore;
    private long inputXrunsBefore;
    private long beganNs;
    private long nextStampNs;
    private StampLog outputStamps;
    private StampLog inputStamps;

    NativeEngine(Context context) {
        audio = (AudioManager) context.getSystemService(Context.AUDIO_SERVICE);
    }

    @Override
    public String api() {
        return "aaudio";
    }

    @Override
    public void open(TrialRequest r, Routing.Route route) throws Refusal {
        request = r;
        beganNs = System.nanoTime();
        long opened = NativeAudio.open(wanted(r, route), granted);
        if (opened < 0) {
            throw notOpened(opened);
        }
        handle = opened;
        outputStamps = new StampLog(outputRateHz(), true);
        inputStamps = new StampLog(inputRateHz(), false);
    }

    /** What the library is asked for. */
    static int[] wanted(TrialRequest r, Routing.Route route) throws Refusal {
        int[] wanted = new int[NativeAudio.W_COUNT];
        wanted[NativeAudio.W_RATE_HZ] = r.rateHz;
        wanted[NativeAudio.W_OUTPUT_CHANNELS] = r.outputChannels;
        wanted[NativeAudio.W_INPUT_CHANNELS] = r.inputChannels;
        wanted[NativeAudio.W_OUTPUT_FORMAT] = NativeAudio.DEFAULT;
        // Before Android 9 float32 costs an input the fast path (google/oboe, QuirksManager).
        wanted[NativeAudio.W_INPUT_FORMAT] =
                Build.VERSION.SDK_INT < 28 && r.performanceMode.equals("low_latency")
                        ? NativeAudio.FORMAT_INT16
                        : NativeAudio.DEFAULT;
        wanted[NativeAudio.W_SHARING] = Words.sharing(r.sharing);
        wanted[NativeAudio.W_PERFORMANCE] = Words.performance(r.performanceMode);
        wanted[NativeAudio.W_INPUT_PRESET] = Words.preset(r.inputPreset);
        boolean voice = r.isVoiceUsage();
        wanted[NativeAudio.W_USAGE] =
                voice ? NativeAudio.USAGE_VOICE_COMMUNICATION : NativeAudio.USAGE_MEDIA;
        wanted[NativeAudio.W_CONTENT_TYPE] =
                voice ? NativeAudio.CONTENT_SPEECH : NativeAudio.CONTENT_MUSIC;
        wanted[NativeAudio.W_SESSION] =
                r.audioSession.equals("shared")
                        ? NativeAudio.SESSION_SHARED
                        : r.audioSession.equals("none")
                                ? NativeAudio.SESSION_NONE
                                : NativeAudio.DEFAULT;
        wanted[NativeAudio.W_OUTPUT_DEVICE] = route.output == null ? 0 : route.output.getId();
        wanted[NativeAudio.W_INPUT_DEVICE] = route.input == null ? 0 : route.input.getId();
        wanted[NativeAudio.W_BUFFER_BURSTS] = r.bufferBursts;
        wanted[NativeAudio.W_BUFFER_FRAMES] = r.bufferFrames;
        return wanted;
    }

    private Refusal notOpened(long code) {
        String text = NativeAudio.describe(code);
        if (code == NativeAudio.ERROR_NO_AAUDIO || code == NativeAudio.ERROR_SYMBOL) {
            return Refusal.unsupported(text);
        }
        int step = granted[NativeAudio.G_FAILED_STEP];
        String what = step == NativeAudio.STEP_INPUT ? "the input" : "the output";
        if (code == INVALID_ARGUMENT || code == INVALID_FORMAT || code == INVALID_RATE) {
            return Refusal.unsupported(what + " does not open so: " + text);
        }
        return new Refusal(Refusal.OPEN_FAILED, what + " does not open: " + text);
    }

    private int output(int what) {
        return granted[NativeAudio.G_OUTPUT + what];
    }

    private int input(int what) {
        return granted[NativeAudio.G_INPUT + what];
    }

    @Override
    public int outputRateHz() {
        return output(NativeAudio.G_RATE_HZ);
    }

    @Override
    public int inputRateHz() {
        return input(NativeAudio.G_RATE_HZ);
    }

    @Override
    public int inputChannels() {
        return input(NativeAudio.G_CHANNELS);
    }

    @Override
    public int captureSession() {
        return input(NativeAudio.G_SESSION_ID);
    }

    @Override
    public boolean hasSession() {
        return captureSession() > 0;
    }

    @Override
    public void begin(Mixer plays) throws Refusal {
        long frames = request.frames(outputRateHz());
        int timelineFrames = (int) Math.min(frames, plays.endFrame());
        warmupFrames = (int) Math.round(request.warmupS * outputRateHz());
        recordingFrames = (int) request.frames(inputRateHz());
        check(
                NativeAudio.prepare(handle, warmupFrames, timelineFrames, recordingFrames),
                "memory");
        for (int play = 0; play < plays.count(); play++) {
            long at = plays.atFrame(play);
            long count = Math.min(plays.samples(play).length, timelineFrames - at);
            if (count > 0) {
                int code =
                        NativeAudio.mix(handle, (int) at, plays.samples(play), 0, (int) count);
                check(code, "the plays");
            }
        }
        check(NativeAudio.start(handle), "start");
    }

    private static void check(int code, String what) throws Refusal {
        if (code == NativeAudio.ERROR_NO_MEMORY) {
            throw new Refusal(
                    Refusal.TOO_LARGE, "the recording does not fit into the phone's memory");
        }
        if (code < 0) {
            throw new Refusal(
                    Refusal.OPEN_FAILED, what + ": " + NativeAudio.describe(code));
        }
    }

    @Override
    public void tick(TrialControl control) throws Refusal {
        poll();
        long now = System.nanoTime();
        if (isWarming()) {
            double warmupNs = 1e9 * Math.max(request.warmupS, 0.001);
            control.progress(TrialControl.WARMING, (now - beganNs) / warmupNs);
            return;
        }
        control.progress(
                TrialControl.PLAYING,
                (double) status[NativeAudio.S_RECORDED_FRAMES] / recordingFrames);
        if (now >= nextStampNs) {
            nextStampNs = now + Math.round(1e9 * StampLog.everySeconds(request.durationS));
            stamp(outputStamps, NativeAudio.OUTPUT, status[NativeAudio.S_PLAYED_FRAMES]);
            stamp(inputStamps, NativeAudio.INPUT, status[NativeAudio.S_RECORDED_FRAMES]);
        }
    }

    private void poll() throws Refusal {
        check(NativeAudio.poll(handle, status), "status");
        if (isWarming()) {
            // What starting up costs is no fault of the trial. What falls between the last look
            // at the warm-up and frame 0 is counted: too many rather than too few.
            outputXrunsBefore = status[NativeAudio.S_XRUNS_OUTPUT];
            inputXrunsBefore = status[NativeAudio.S_XRUNS_INPUT];
        }
        if (status[NativeAudio.S_STATE] == NativeAudio.STATE_LOST) {
            String direction =
                    status[NativeAudio.S_LOST_DIRECTION] == NativeAudio.INPUT ? "input" : "output";
            throw new Refusal(
                    Refusal.STREAM_LOST,
                    "the system took the "
                            + direction
                            + " away: "
                            + NativeAudio.describe(status[NativeAudio.S_ERROR]));
        }
    }

    private void stamp(StampLog log, int direction, long appFrame) {
        if (NativeAudio.timestamp(handle, direction, pair) >= 0) {
            log.add(pair[0], pair[1], appFrame, System.nanoTime());
        }
    }

    @Override
    public boolean await(long ms, TrialControl control) throws Refusal {
        poll();
        if (status[NativeAudio.S_STATE] != NativeAudio.STATE_DONE) {
            control.sleep(ms);
            poll();
        }
        boolean done = status[NativeAudio.S_STATE] == NativeAudio.STATE_DONE;
        if (done && status[NativeAudio.S_FILLED_FRAMES] >= recordingFrames) {
            throw new Refusal(Refusal.STREAM_LOST, "the microphone gives no frames");
        }
        return done;
    }

    @Override
    public long movement() {
        return status[NativeAudio.S_RECORDED_FRAMES] + status[NativeAudio.S_STATE];
    }

    @Override
    public boolean isWarming() {
        return status[NativeAudio.S_STATE] <= NativeAudio.STATE_WARMING;
    }

    @Override
    public long recordedFrames() {
        return status[NativeAudio.S_RECORDED_FRAMES];
    }

    @Override
    public void move(Routing.Route route) throws Refusal {
        throw Refusal.unsupported(
                "an AAudio stream keeps the device it was opened with: ask for api java, or for"
                        + " audio_mode communication");
    }

    @Override
    public AudioDeviceInfo outputDevice() {
        return device(output(NativeAudio.G_DEVICE_ID));
    }

    @Override
    public AudioDeviceInfo inputDevice() {
        return device(input(NativeAudio.G_DEVICE_ID));
    }

    private AudioDeviceInfo device(int id) {
        return id == 0 || id == NativeAudio.UNKNOWN ? null : Devices.byId(audio, id);
    }

    @Override
    public void abort() {
        // No call of the native library waits in the system.
    }

    @Override
    public void stop() {
        NativeAudio.stop(handle);
        NativeAudio.poll(handle, status);
    }

    @Override
    public void report(Report report) {
        report.put("output", stream(NativeAudio.G_OUTPUT, outputDevice()));
        report.put("input", stream(NativeAudio.G_INPUT, inputDevice()));
        long outputXruns = status[NativeAudio.S_XRUNS_OUTPUT];
        long inputXruns = status[NativeAudio.S_XRUNS_INPUT];
        report.count("xruns_output", outputXruns - outputXrunsBefore);
        report.count("xruns_input", inputXruns - inputXrunsBefore);
        report.observe("warmup_xruns", outputXrunsBefore + inputXrunsBefore);
        long[] counts = new long[NativeAudio.H_COUNT];
        if (NativeAudio.histogram(handle, counts) >= 0) {
            report.histogram(counts);
        }
        outputStamps.report(report);
        inputStamps.report(report);
        report.startup("open", status[NativeAudio.S_OPENED_NS]);
        report.startup("start", status[NativeAudio.S_STARTED_NS]);
        report.startup("first_output", status[NativeAudio.S_FIRST_OUTPUT_NS]);
        report.startup("first_input", status[NativeAudio.S_FIRST_INPUT_NS]);
        report.startup("first_nonzero", status[NativeAudio.S_FIRST_NONZERO_NS]);
        report.observe("callbacks", status[NativeAudio.S_CALLBACKS]);
        report.observe("callback_max_us", status[NativeAudio.S_INTERVAL_MAX_NS] / 1000);
        report.observe("short_reads", status[NativeAudio.S_SHORT_READS]);
        report.observe("filled_frames", status[NativeAudio.S_FILLED_FRAMES]);
        report.observe("owed_frames_max", status[NativeAudio.S_OWED_FRAMES_MAX]);
        report.observe("drained_frames", status[NativeAudio.S_DRAINED_FRAMES]);
        report.observe("read_errors", status[NativeAudio.S_READ_ERRORS]);
        report.count("longest_zero_run_frames", NativeAudio.zeroRun(handle));
        reportGranted(report);
    }

    private Object stream(int first, AudioDeviceInfo device) {
        int mmap = granted[first + NativeAudio.G_MMAP];
        int performance = granted[first + NativeAudio.G_PERFORMANCE];
        return new Report.Stream(
                        granted[first + NativeAudio.G_RATE_HZ],
                        granted[first + NativeAudio.G_CHANNELS])
                .frames("frames_per_burst", granted[first + NativeAudio.G_BURST_FRAMES])
                .frames("buffer_frames", granted[first + NativeAudio.G_BUFFER_FRAMES])
                .frames("capacity_frames", granted[first + NativeAudio.G_CAPACITY_FRAMES])
                .put("sharing", Words.sharing(granted[first + NativeAudio.G_SHARING]))
                .put("performance_mode", Words.performance(performance))
                .put("mmap", mmap == NativeAudio.UNKNOWN ? null : (Object) (mmap == 1))
                .put("route", Devices.word(device))
                .toJson();
    }

    private void reportGranted(Report report) {
        report.observe("input_preset", Words.preset(input(NativeAudio.G_INPUT_PRESET)));
        known(report, "hardware_output_rate_hz", output(NativeAudio.G_HARDWARE_RATE_HZ));
        known(report, "hardware_input_rate_hz", input(NativeAudio.G_HARDWARE_RATE_HZ));
        known(report, "hardware_output_channels", output(NativeAudio.G_HARDWARE_CHANNELS));
        known(report, "hardware_input_channels", input(NativeAudio.G_HARDWARE_CHANNELS));
        int notAsked = granted[NativeAudio.G_NOT_ASKED];
        String[] names = {"usage", "content type", "input preset", "session"};
        for (int bit = 0; bit < names.length; bit++) {
            if ((notAsked & 1 << bit) != 0) {
                report.note("this Android's AAudio cannot be asked for: " + names[bit]);
            }
        }
    }

    private static void known(Report report, String key, int value) {
        if (value > 0) {
            report.observe(key, value);
        }
    }

    @Override
    public Recording recording() {
        handedOver = true;
        boolean wide = input(NativeAudio.G_FORMAT) == NativeAudio.FORMAT_FLOAT32;
        return new NativeRecording(handle, wide, inputChannels(), recordingFrames);
    }

    @Override
    public void close() {
        if (handle > 0 && !handedOver) {
            NativeAudio.close(handle);
        }
        handle = 0;
    }

    /** Samples that lie in the native library's memory; closing frees them. */
    private static final class NativeRecording implements Recording {
        private final long handle;
        private final boolean wide;
        private final int channels;
        private final int frames;

        NativeRecording(long handle, boolean wide, int channels, int frames) {
            this.handle = handle;
            this.wide = wide;
            this.channels = channels;
            this.frames = frames;
        }

        @Override
        public String format() {
            return wide ? "float32" : "int16";
        }

        @Override
        public int channels() {
            return channels;
        }

        @Override
        public int frames() {
            return frames;
        }

        @Override
        public int read(int firstFrame, byte[] into) {
            return NativeAudio.read(handle, firstFrame, into);
        }

        @Override
        public void close() {
            NativeAudio.close(handle);
        }
    }
}
