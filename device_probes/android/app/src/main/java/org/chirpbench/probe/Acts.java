package org.chirpbench.probe;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * What the host asks for while a trial runs, done one after another on a thread of its own: the
 * session goes on to hear cancel, and the audio is not held up.
 */
final class Acts {
    /** The one action there is: take the running streams to another route. */
    static final String ROUTE = "route";

    private static final long END_MS = 2000;
    private static final String END = "";

    /** What an act changes; called on the thread of the acts. */
    interface Switch {
        /** Takes the streams to {@code route}; {@code life} ends the waiting. */
        String route(String route, TrialControl life) throws Refusal;
    }

    private final LinkedBlockingQueue<String> queue = new LinkedBlockingQueue<String>();
    private final TrialControl life =
            new TrialControl(
                    new TrialControl.Progress() {
                        @Override
                        public void emit(String stage, double fraction) {
                            throw new IllegalStateException("an act tells no progress");
                        }
                    });
    private final Map<String, String> said = new LinkedHashMap<String, String>();
    private final Map<String, Long> askedNs = new LinkedHashMap<String, Long>();
    private Switch how;
    private Thread thread;
    private int taken;
    private int ignored;
    private int unknown;

    /** The streams are open: from now on acts are done. */
    synchronized void begin(Switch how) {
        this.how = how;
    }

    /** Has an act done, without waiting for it; after {@link #end} it is ignored. */
    synchronized void take(String action, String value) {
        if (life.isStopped()) {
            return;
        }
        if (!action.equals(ROUTE)) {
            unknown++;
        } else if (taken >= Limits.MAX_ACTS) {
            ignored++;
        } else {
            taken++;
            queue.add(value);
            if (thread == null) {
                thread =
                        new Thread("probe-act") {
                            @Override
                            public void run() {
                                work();
                            }
                        };
                thread.setDaemon(true);
                thread.start();
            }
        }
    }

    /** No act is taken any more; the one that is being done is waited for a moment. */
    void end() {
        Thread working;
        synchronized (this) {
            life.stop(Refusal.CANCELLED, "the trial was over");
            queue.add(END);
            working = thread;
        }
        try {
            if (working != null) {
                working.join(END_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void work() {
        try {
            int number = 0;
            for (String route = queue.take(); !route.equals(END); route = queue.take()) {
                number++;
                act(ROUTE + "_" + number, route);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void act(String key, String route) {
        long beganNs = System.nanoTime();
        String outcome;
        try {
            outcome = route(route);
            long tookMs = (System.nanoTime() - beganNs) / 1000000;
            say(key + "_took_ms", String.valueOf(tookMs));
        } catch (Refusal e) {
            outcome = "refused: " + e.getMessage();
        } catch (RuntimeException e) {
            outcome = "failed: " + Texts.of(e); // a vendor's fault is reported, not fatal
        }
        say(key, outcome);
        synchronized (this) {
            askedNs.put(key + "_ms", beganNs);
        }
    }

    private String route(String route) throws Refusal {
        life.check();
        Switch now;
        synchronized (this) {
            now = how;
        }
        if (now == null) {
            throw Refusal.unsupported("the streams are not open yet");
        }
        return now.route(route, life);
    }

    private synchronized void say(String key, String text) {
        said.put(key, text);
    }

    /** Puts what became of every act into {@code report}, when in the time of {@code timeline}. */
    synchronized void report(Report report, Timeline timeline) {
        for (Map.Entry<String, String> entry : said.entrySet()) {
            report.observe(entry.getKey(), entry.getValue());
        }
        for (Map.Entry<String, Long> entry : askedNs.entrySet()) {
            report.observe(entry.getKey(), timeline.ms(entry.getValue()));
        }
        if (unknown > 0) {
            report.observe("acts_unknown", unknown);
        }
        if (ignored > 0) {
            report.observe("acts_ignored", ignored);
        }
    }
}
