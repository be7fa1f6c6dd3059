package org.chirpbench.probe;

import android.util.Log;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Accepts hosts and serves one of them at a time; others are told that the probe is busy. */
final class ProbeServer {
    private static final String TAG = "chirpbench";
    /** A host that has just gone is given this time to be cleaned up after. */
    private static final long TURN_MS = 3000;
    private static final int MAX_WAITING = 4;

    private final Transport transport;
    private final ProbeDevice device;
    private final Status status;
    private final String version;
    private final String token;
    private final Semaphore turn = new Semaphore(1);
    private final Semaphore waiting = new Semaphore(MAX_WAITING);
    private volatile boolean stopped;
    private volatile Wire serving;

    ProbeServer(
            Transport transport, ProbeDevice device, Status status, String version, String token) {
        this.transport = transport;
        this.device = device;
        this.status = status;
        this.version = version;
        this.token = token;
    }

    /** Begins to accept hosts, on threads of its own. */
    void start() {
        thread(
                "probe-accept",
                new Runnable() {
                    @Override
                    public void run() {
                        accept();
                    }
                });
    }

    /** Ends the session and accepts nobody any more. Never throws; does not wait. */
    void stop() {
        stopped = true;
        transport.close();
        Wire wire = serving;
        if (wire != null) {
            wire.close();
        }
    }

    /** Whether hosts can still connect. */
    boolean isListening() {
        return !stopped;
    }

    /** Whether a host is connected right now. */
    boolean isServing() {
        return serving != null;
    }

    private void accept() {
        while (!stopped) {
            try {
                final Link link = transport.accept();
                if (!waiting.tryAcquire()) {
                    link.close();
                    continue;
                }
                thread(
                        "probe-session",
                        new Runnable() {
                            @Override
                            public void run() {
                                serve(link);
                            }
                        });
            } catch (IOException e) {
                Log.d(TAG, "no more hosts: " + e.getMessage());
                stopped = true;
            }
        }
    }

    private void serve(Link link) {
        Wire wire = new Wire(link);
        try {
            if (!turn.tryAcquire(TURN_MS, TimeUnit.MILLISECONDS)) {
                sayBusy(wire);
                return;
            }
            try {
                serving = wire;
                if (!stopped) {
                    new Session(wire, device, status, version, token).serve();
                }
            } finally {
                serving = null;
                turn.release();
                status.state("Waiting for chirpbench");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            wire.close();
            waiting.release();
        }
    }

    private static void sayBusy(Wire wire) {
        Wire.Deadline deadline = wire.deadline(TURN_MS);
        try {
            wire.read(); // its hello: an answer may get lost when what it sent is left unread
            Map<String, Object> message = Wire.message("refused");
            message.put("code", Refusal.BUSY);
            message.put("text", "the probe serves another host");
            wire.write(message);
        } catch (IOException e) {
            Log.d(TAG, "a second host left: " + e.getMessage());
        } catch (Malformed e) {
            Log.d(TAG, "a second host said nonsense: " + e.getMessage());
        } finally {
            deadline.met();
        }
    }

    private static void thread(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }
}
