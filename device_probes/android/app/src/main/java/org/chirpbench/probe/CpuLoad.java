package org.chirpbench.probe;

import java.util.ArrayList;
import java.util.List;

/** Threads of normal priority that are busy for a share of every 10 ms. */
final class CpuLoad {
    private static final long PERIOD_NS = 10000000L;

    private final List<Thread> threads = new ArrayList<Thread>();
    private volatile boolean stopped;

    /** Starts {@code count} threads, each busy for {@code load} (0..1) of a core; 0 starts none. */
    CpuLoad(int count, double load) {
        final long busyNs = Math.round(load * PERIOD_NS);
        for (int i = 0; load > 0 && i < count; i++) {
            Thread thread =
                    new Thread("probe-load-" + i) {
                        @Override
                        public void run() {
                            work(busyNs);
                        }
                    };
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
    }

    private void work(long busyNs) {
        long begin = System.nanoTime();
        double value = 1;
        while (!stopped) {
            while (System.nanoTime() - begin < busyNs) {
                value = Math.sqrt(value + 1);
            }
            begin += PERIOD_NS;
            long restNs = begin - System.nanoTime();
            if (restNs > 0) {
                rest(restNs);
            } else {
                begin = System.nanoTime(); // late: do not catch up at full load
            }
        }
        if (value < 0) {
            throw new IllegalStateException("keeps the loop from being optimised away");
        }
    }

    private void rest(long ns) {
        try {
            Thread.sleep(ns / 1000000, (int) (ns % 1000000));
        } catch (InterruptedException e) {
            stopped = true;
        }
    }

    /** Ends the load and waits for it to end. */
    void stop() {
        stopped = true;
        for (Thread thread : threads) {
            thread.interrupt();
            try {
                thread.join(1000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
