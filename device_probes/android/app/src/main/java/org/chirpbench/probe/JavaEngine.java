package org.chirpbench.probe;

import android.content.Context;
import android.media.AudioDeviceInfo;
import android.media.AudioRecord;
import android.media.AudioTrack;

/** AudioTrack and AudioRecord, in low latency or in legacy mode. */
final class JavaEngine implements Engine {
    private static final String TAG = "chirpbench";
    private static final long END_MS = 2500;

    private final Context context;
    private final TrialControl control;
    private TrialRequest request;
    private volatile JavaStreams streams;
    private JavaLoop loop;
    private Thread thread;
    private long beganNs;
    private long openNs;
    private int underruns = -1;
    private String outputRoute;
    private String inputRoute;

    JavaEngine(Context context, TrialControl control) {
        this.context = context;
        this.control = control;
    }

    @Override
    public String api() {
        return "java";
    }

    @Override
    public void open(TrialRequest r, Routing.Route route) throws Refusal {
        if (r.sharing.equals("exclusive")) {
            throw Refusal.unsupported("AudioTrack knows no exclusive sharing, AAudio does");
        }
        request = r;
        beganNs = System.nanoTime();
        streams = new JavaStreams(context, r, route);
        openNs = System.nanoTime() - beganNs;
        if (inputRateHz() != outputRateHz()) {
            throw Refusal.unsupported(
                    "the input opens at "
                            + inputRateHz()
                            + " Hz and the output at "
                            + outputRateHz()
                            + " Hz: they have no common timeline");
        }
    }

    @Override
    public int outputRateHz() {
        return streams.track.getSampleRate();
    }

    @Override
    public int inputRateHz() {
        return streams.record.getSampleRate();
    }

    @Override
    public int inputChannels() {
        return streams.record.getChannelCount();
    }

    @Override
    public int captureSession() {
        return streams.record.getAudioSessionId();
    }

    @Override
    public boolean hasSession() {
        return true; // AudioRecord always has one
    }

    @Override
    public void begin(Mixer plays) throws Refusal {
        loop = new JavaLoop(streams, request, plays, control, beganNs);
        thread = new Thread(loop, "probe-audio");
        thread.start();
    }

    @Override
    public void tick(TrialControl control) {
        long written = loop.written();
        long warmup = loop.warmupFrames();
        if (written < warmup) {
            control.progress(TrialControl.WARMING, (double) written / warmup);
        } else {
            double played = written - warmup;
            control.progress(TrialControl.PLAYING, played / loop.totalFrames());
        }
    }

    @Override
    public boolean await(long ms, TrialControl control) throws Refusal {
        try {
            thread.join(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refusal(Refusal.CANCELLED, "the app is closing");
        }
        control.check();
        if (thread.isAlive()) {
            return false;
        }
        if (loop.failure() != null) {
            throw loop.failure();
        }
        return true;
    }

    @Override
    public long movement() {
        return loop.written();
    }

    @Override
    public boolean isWarming() {
        return loop.written() < loop.warmupFrames();
    }

    @Override
    public long recordedFrames() {
        return Math.max(0, loop.written() - loop.warmupFrames());
    }

    @Override
    public void move(Routing.Route route) throws Refusal {
        streams.prefer(route);
    }

    @Override
    public AudioDeviceInfo outputDevice() {
        return streams.track.getRoutedDevice();
    }

    @Override
    public AudioDeviceInfo inputDevice() {
        return streams.record.getRoutedDevice();
    }

    @Override
    public void abort() {
        // A blocked write or read ends when its stream is stopped.
        JavaStreams open = streams;
        if (open != null) {
            stop(open);
        }
    }

    private static void stop(JavaStreams streams) {
        try {
            streams.track.pause();
            streams.track.flush();
        } catch (IllegalStateException e) {
            android.util.Log.d(TAG, "the output had stopped already");
        }
        try {
            streams.record.stop();
        } catch (IllegalStateException e) {
            android.util.Log.d(TAG, "the input had stopped already");
        }
    }

    @Override
    public void stop() {
        if (loop != null) {
            underruns = streams.track.getUnderrunCount() - loop.underrunsBefore;
        }
        outputRoute = Devices.word(outputDevice()); // a stopped stream has none
        inputRoute = Devices.word(inputDevice());
        stop(streams);
    }

    @Override
    public void report(Report report) {
        AudioTrack track = streams.track;
        AudioRecord record = streams.record;
        report.put(
                "output",
                new Report.Stream(track.getSampleRate(), track.getChannelCount())
                        .frames("frames_per_burst", streams.nativeBurstFrames)
                        .frames("buffer_frames", track.getBufferSizeInFrames())
                        .frames("capacity_frames", track.getBufferCapacityInFrames())
                        .put("performance_mode", Words.trackPerformance(track.getPerformanceMode()))
                        .put("route", outputRoute)
                        .toJson());
        report.put(
                "input",
                new Report.Stream(record.getSampleRate(), record.getChannelCount())
                        .frames("capacity_frames", record.getBufferSizeInFrames())
                        .put("route", inputRoute)
                        .toJson());
        report.count("xruns_output", underruns);
        report.histogram(loop.histogram);
        loop.outputStamps.report(report);
        loop.inputStamps.report(report);
        report.startup("open", openNs);
        report.startup("start", since(loop.startedNs));
        report.startup("first_output", since(loop.firstOutputNs));
        report.startup("first_input", since(loop.firstInputNs));
        report.startup("first_nonzero", since(loop.firstNonzeroNs));
        report.observe("callbacks", loop.callbacks);
        report.observe("short_reads", loop.shortReads);
        report.observe("filled_frames", loop.filledFrames);
        report.observe("drained_frames", loop.drainedFrames);
        report.observe("loop_frames", streams.burstFrames);
        report.observe("input_preset", Words.preset(record.getAudioSource()));
        report.count("longest_zero_run_frames", samples().longestZeroRun());
    }

    private long since(long ns) {
        return ns < 0 ? -1 : ns - beganNs;
    }

    private Recording.Floats samples() {
        return new Recording.Floats(loop.recording, inputChannels(), loop.totalFrames());
    }

    @Override
    public Recording recording() {
        return samples();
    }

    @Override
    public void close() {
        if (streams == null) {
            return;
        }
        stop(streams);
        try {
            if (thread != null) {
                thread.join(END_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread != null && thread.isAlive()) {
            // Freeing a stream in which the system hangs would take the process with it.
            android.util.Log.e(TAG, "the audio thread hangs in the system");
        } else {
            streams.release();
        }
        streams = null;
    }
}
