package org.chirpbench.probe;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One running trial, as others see it: they stop it with a reason, it tells how far it is. The
 * first reason wins.
 */
final class TrialControl {
    static final String OPENING = "opening";
    static final String WARMING = "warming";
    static final String PLAYING = "playing";

    /** Progress events a second; the contract allows 50. */
    private static final long EVERY_NS = 100000000L;

    /** Where progress goes; called on the trial's own thread, never on the audio thread. */
    interface Progress {
        /** {@code stage} is one of the above, {@code fraction} 0..1. */
        void emit(String stage, double fraction);
    }

    private final Progress progress;
    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile Refusal reason;
    private Runnable onStop;
    private String lastStage = "";
    private long lastEmitNs;

    TrialControl(Progress progress) {
        this.progress = progress;
    }

    /** From any thread: end the trial; it is then refused with {@code code} and {@code text}. */
    void stop(String code, String text) {
        Runnable hook;
        synchronized (this) {
            if (reason != null) {
                return;
            }
            reason = new Refusal(code, text);
            hook = onStop;
        }
        stopped.countDown();
        if (hook != null) {
            hook.run();
        }
    }

    /** {@code hook} ends what waits in the system; null when nothing does any more. */
    void onStop(Runnable hook) {
        boolean late;
        synchronized (this) {
            onStop = hook;
            late = reason != null && hook != null;
        }
        if (late) {
            hook.run();
        }
    }

    /** Whether somebody ended the trial; cheap, for the audio thread. */
    boolean isStopped() {
        return reason != null;
    }

    /** Throws the reason when somebody ended the trial. */
    void check() throws Refusal {
        Refusal why = reason;
        if (why != null) {
            throw why;
        }
    }

    /** Waits, but not a moment longer than the trial lives; throws the reason. */
    void sleep(long ms) throws Refusal {
        try {
            stopped.await(ms, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refusal(Refusal.CANCELLED, "the app is closing");
        }
        check();
    }

    /** Tells the host, at most ten times a second and at every new stage. */
    void progress(String stage, double fraction) {
        long now = System.nanoTime();
        if (stage.equals(lastStage) && now - lastEmitNs < EVERY_NS) {
            return;
        }
        lastStage = stage;
        lastEmitNs = now;
        progress.emit(stage, Math.max(0, Math.min(1, fraction)));
    }
}
