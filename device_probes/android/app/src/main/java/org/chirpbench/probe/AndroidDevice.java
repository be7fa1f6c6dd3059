package org.chirpbench.probe;

import android.Manifest;
import android.content.Context;
import android.content.pm.PackageManager;
import android.media.AudioManager;
import android.os.Build;
import java.util.Map;

/** The phone as a probe: one trial at a time, given back as it was found. */
final class AndroidDevice implements ProbeDevice {
    private static final long TICK_MS = 50;
    private static final long RESUME_MS = 1500;
    /** A preferred device is followed a moment later. */
    private static final long SETTLE_MS = 300;
    private static final long STALL_NS = 4000000000L;

    /** Asks the user for a permission; called on any thread. */
    interface Permissions {
        /** Shows the system's dialog unless it is on the screen already. */
        void ask(String permission);
    }

    private static AndroidDevice shared;

    private final Context context;
    private final AudioManager audio;
    private volatile Permissions permissions;
    private final AudioSetup setup;
    private volatile boolean foreground;
    private volatile TrialControl running;
    /** Of the trial that runs and may be acted upon. */
    private volatile Acts acts;
    /** Of the trial that runs and goes on in the background. */
    private volatile Presence presence;

    /** The one of this process: a trial may outlive the screen that began it. */
    static synchronized AndroidDevice of(Context application, Permissions permissions) {
        if (shared == null || shared.context != application) {
            shared = new AndroidDevice(application);
        }
        shared.permissions = permissions;
        return shared;
    }

    private AndroidDevice(Context context) {
        this.context = context;
        audio = (AudioManager) context.getSystemService(Context.AUDIO_SERVICE);
        setup = new AudioSetup(context, new Journal(context));
        setup.restore(true); // whatever a crash has left
    }

    /** Whether the app is on the screen; a trial that runs when it goes is ended, or noted. */
    void setForeground(boolean now) {
        foreground = now;
        Presence mayLeave = presence;
        TrialControl control = running;
        if (mayLeave != null) {
            mayLeave.seen(now);
        } else if (!now && control != null) {
            control.stop(Refusal.BACKGROUND, "another app came in front of the probe");
        }
    }

    @Override
    public void running(TrialControl control) {
        running = control;
    }

    @Override
    public void act(String action, String value) {
        Acts open = acts;
        if (open != null) {
            open.take(action, value);
        }
    }

    @Override
    public Map<String, Object> facts() {
        return new Facts(context).toJson();
    }

    @Override
    public Map<String, Object> codecCost(CodecRequest request, TrialControl control)
            throws Refusal {
        return new OpusCost(request, control).measure();
    }

    @Override
    public void restore() {
        TrialControl control = running;
        if (control != null) {
            control.stop(Refusal.CANCELLED, "the phone is given back"); // restores as it ends
        } else {
            setup.restore(false);
        }
    }

    @Override
    public TrialResult run(TrialRequest r, int rateHz, Mixer plays, TrialControl control)
            throws Refusal {
        Words.check(r);
        // int16 at the rate asked for: the smallest that it can be.
        if (2 * r.frames(r.rateHz) * r.inputChannels > Limits.MAX_PCM_BYTES) {
            throw new Refusal(Refusal.TOO_LARGE, "the recording would be too large");
        }
        control.progress(TrialControl.OPENING, 0);
        allowed(r);
        visible(control);
        Engine engine = engine(r, control);
        Report report = new Report(BuildInfo.VERSION_NAME);
        Focus focus = new Focus(audio, control);
        Timeline timeline = new Timeline();
        Acts open = new Acts();
        acts = open;
        presence = r.continuesInBackground ? new Presence() : null;
        CpuLoad load = null;
        try {
            Routing.Route route = setup.enter(r, report, control);
            report.observe("audio_focus", focus.ask(r));
            load = new CpuLoad(r.cpuThreads, r.cpuLoad);
            return trial(r, rateHz, plays, control, engine, route, report, timeline);
        } finally {
            presence = null;
            acts = null;
            control.onStop(null);
            control.stop(Refusal.CANCELLED, "the trial is over"); // for a loop that still waits
            open.end(); // before anything is given back that it could change again
            engine.close();
            if (load != null) {
                load.stop();
            }
            focus.giveBack();
            setup.restore(false);
        }
    }

    private void allowed(TrialRequest r) throws Refusal {
        demand(Manifest.permission.RECORD_AUDIO, "the microphone");
        if (r.isBluetooth() && Build.VERSION.SDK_INT >= 31) {
            demand(Api31.BLUETOOTH_CONNECT, "nearby devices (Bluetooth)");
        }
    }

    private void demand(String permission, String what) throws Refusal {
        if (context.checkSelfPermission(permission) != PackageManager.PERMISSION_GRANTED) {
            permissions.ask(permission);
            throw new Refusal(
                    Refusal.PERMISSION,
                    "chirpbench may not use " + what + "; allow it on the phone's screen");
        }
    }

    /** The start of the app and the first trial may cross: wait for the screen a moment. */
    private void visible(TrialControl control) throws Refusal {
        for (long waited = 0; !foreground; waited += TICK_MS) {
            if (waited >= RESUME_MS) {
                throw new Refusal(
                        Refusal.BACKGROUND, "the probe is not in front on the phone's screen");
            }
            control.sleep(TICK_MS);
        }
    }

    private Engine engine(TrialRequest r, TrialControl control) throws Refusal {
        boolean available = NativeAudio.available();
        if (r.api.equals("aaudio") && !available) {
            throw Refusal.unsupported(NativeAudio.unavailableReason());
        }
        return r.api.equals("java") || !available
                ? new JavaEngine(context, control)
                : new NativeEngine(context);
    }

    private TrialResult trial(
            TrialRequest r,
            int rateHz,
            Mixer plays,
            final TrialControl control,
            final Engine engine,
            Routing.Route route,
            Report report,
            Timeline timeline)
            throws Refusal {
        engine.open(r, route);
        if (engine.outputRateHz() != rateHz) {
            throw Refusal.rateDiffers(engine.outputRateHz());
        }
        Effects effects = new Effects(r);
        try {
            effects.apply(engine.captureSession(), engine.hasSession());
            Monitor monitor = new Monitor(audio, engine, effects);
            engine.begin(plays);
            control.onStop(
                    new Runnable() {
                        @Override
                        public void run() {
                            abort(engine);
                        }
                    });
            Acts open = acts;
            open.begin(moves(r, engine, monitor));
            watch(r, engine, monitor, control, timeline);
            open.end();
            monitor.look();
            control.onStop(null);
            engine.stop();
            control.check();
            open.report(report, timeline); // first: a full table must not lose what was asked for
            if (presence != null) {
                presence.report(report, timeline);
            }
            describe(r, engine, monitor, effects, report);
            return new TrialResult(report.toJson(), engine.recording());
        } finally {
            effects.release();
        }
    }

    /** How an act takes the running streams to another route. */
    private Acts.Switch moves(final TrialRequest r, final Engine engine, final Monitor monitor) {
        return new Acts.Switch() {
            @Override
            public String route(String word, TrialControl life) throws Refusal {
                if (TrialRequest.isBluetooth(word) && Build.VERSION.SDK_INT >= 31) {
                    demand(Api31.BLUETOOTH_CONNECT, "nearby devices (Bluetooth)");
                }
                monitor.letMove();
                Routing.Route route = setup.change(r, word, life);
                if (r.isCommunication()) {
                    return word; // the system has said so
                }
                engine.move(route);
                life.sleep(SETTLE_MS);
                String now = Devices.word(engine.outputDevice());
                return now == null ? word : now;
            }
        };
    }

    /** On a thread of its own: whoever ends a trial may be the main one, and a stop may hang. */
    private static void abort(final Engine engine) {
        Thread thread =
                new Thread("probe-abort") {
                    @Override
                    public void run() {
                        engine.abort();
                    }
                };
        thread.setDaemon(true);
        thread.start();
    }

    private static void watch(
            TrialRequest r,
            Engine engine,
            Monitor monitor,
            TrialControl control,
            Timeline timeline)
            throws Refusal {
        long movedNs = System.nanoTime();
        long movement = -1;
        while (!engine.await(TICK_MS, control)) {
            engine.tick(control);
            monitor.tick(control);
            long now = System.nanoTime();
            timeline.look(engine, now);
            if (engine.movement() != movement) {
                movement = engine.movement();
                movedNs = now;
            }
            long warmupNs = engine.isWarming() ? Math.round(1e9 * r.warmupS) : 0;
            if (now - movedNs > STALL_NS + warmupNs) {
                throw new Refusal(Refusal.STREAM_LOST, "the streams stand still for 4 s");
            }
        }
        control.progress(TrialControl.PLAYING, 1);
    }

    private void describe(
            TrialRequest r, Engine engine, Monitor monitor, Effects effects, Report report) {
        report.observe("api", engine.api());
        if (r.api.equals("default") && !NativeAudio.available()) {
            report.note("no AAudio: " + NativeAudio.unavailableReason());
        }
        report.observe("usage", r.isVoiceUsage() ? "voice_communication" : "media");
        monitor.report(report);
        effects.report(report);
        engine.report(report);
        Health.report(context, report);
    }
}
