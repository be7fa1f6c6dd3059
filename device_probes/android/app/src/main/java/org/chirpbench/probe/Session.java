package org.chirpbench.probe;

import android.util.Log;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Map;
import java.util.zip.CRC32;

/** Serves one host over one link until it leaves or breaks the contract. */
final class Session {
    private static final String TAG = "chirpbench";
    private static final String CONNECTED = "Connected to chirpbench over USB";
    private static final long HELLO_MS = 10000;
    private static final long LOAD_MS = 90000;

    private final Wire wire;
    private final ProbeDevice device;
    private final Status status;
    private final String version;
    private final String token;
    private final Stimuli stimuli = new Stimuli();
    /** Not busy from before a trial's last word on: the host may ask the next thing at once. */
    private volatile boolean busy;
    private volatile TrialControl control;
    private Thread trial;

    Session(Wire wire, ProbeDevice device, Status status, String version, String token) {
        this.wire = wire;
        this.device = device;
        this.status = status;
        this.version = version;
        this.token = token;
    }

    /** Blocks until the session is over; the link is closed and the phone restored then. */
    void serve() {
        try {
            if (handshake()) {
                status.state(CONNECTED);
                while (answer()) {
                    continue;
                }
            }
        } catch (Malformed e) {
            tell(refused(new Refusal(Refusal.MALFORMED, e.getMessage())));
        } catch (IOException e) {
            Log.d(TAG, "session ended: " + e.getMessage());
        } finally {
            endTrial();
            wire.close();
            device.restore();
        }
    }

    private void endTrial() {
        TrialControl running = control;
        if (running != null) {
            running.stop(Refusal.CANCELLED, "the host has gone");
        }
        joinTrial();
    }

    private void joinTrial() {
        try {
            if (trial != null) {
                trial.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean handshake() throws IOException, Malformed {
        Wire.Deadline deadline = wire.deadline(HELLO_MS);
        HostMessage hello = HostMessage.read(wire.read().header);
        deadline.met();
        if (hello.type.equals("hello") && !isToken(hello.token)) {
            wire.write(refused(new Refusal(Refusal.UNAUTHORIZED, "the token is wrong")));
            return false;
        }
        // Also to a host of another version: it is the one that can tell the user.
        Map<String, Object> answer = Wire.message("hello");
        answer.put("protocol", Limits.PROTOCOL);
        answer.put("version", version);
        wire.write(answer);
        return hello.type.equals("hello") && hello.protocol == Limits.PROTOCOL;
    }

    private boolean isToken(String given) {
        // Takes the same time for every wrong token.
        return MessageDigest.isEqual(
                given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    /** Handles one message; false ends the session. */
    private boolean answer() throws IOException, Malformed {
        HostMessage message = HostMessage.read(wire.read().header);
        switch (message.type) {
            case "bye":
                return false;
            case "hello":
            case "pcm":
                throw new Malformed(message.type + " came out of turn");
            case "act":
                device.act(message.action, message.value);
                return true;
            case "cancel":
                TrialControl running = control;
                if (running != null) {
                    running.stop(Refusal.CANCELLED, "the trial was cancelled");
                }
                return true;
            default:
                if (busy) {
                    wire.write(refused(new Refusal(Refusal.BUSY, "a trial is running")));
                } else {
                    begin(message);
                }
                return true;
        }
    }

    private void begin(HostMessage message) throws IOException, Malformed {
        switch (message.type) {
            case "facts":
                wire.write(facts());
                break;
            case "load":
                load(message.load);
                break;
            default:
                start(message);
        }
    }

    private Map<String, Object> facts() {
        try {
            Map<String, Object> answer = Wire.message("facts");
            answer.put("facts", device.facts());
            return answer;
        } catch (RuntimeException e) {
            Log.e(TAG, "facts", e); // a vendor's fault is reported, not fatal
            return error(e);
        }
    }

    private void load(HostMessage.Load load) throws IOException, Malformed {
        Wire.Deadline deadline = wire.deadline(LOAD_MS);
        float[] samples = null;
        Refusal refusal = null;
        try {
            samples = stimuli.allocate(load.frames);
        } catch (Refusal e) {
            refusal = e; // said after the samples, which are on their way already
        }
        long crc32 = receive(load, samples);
        deadline.met();
        if (refusal != null) {
            wire.write(refused(refusal));
            return;
        }
        if (crc32 != load.crc32) {
            throw new Malformed("the stimulus arrived damaged");
        }
        stimuli.put(load.stimulusId, load.rateHz, samples);
        Map<String, Object> loaded = Wire.message("loaded");
        loaded.put("stimulus_id", load.stimulusId);
        loaded.put("rate_hz", load.rateHz);
        loaded.put("crc32", crc32);
        wire.write(loaded);
    }

    /** Reads a stimulus into {@code samples}, or past it when null; returns its CRC-32. */
    private long receive(HostMessage.Load load, float[] samples) throws IOException, Malformed {
        CRC32 crc = new CRC32();
        int bytes = load.frames * 4;
        for (int at = 0; at < bytes; ) {
            Wire.Frame frame = wire.read();
            HostMessage piece = HostMessage.read(frame.header);
            int size = frame.payload.length;
            boolean fits = size > 0 && size % 4 == 0 && size <= bytes - at;
            if (!piece.type.equals("pcm") || piece.offset != at || !fits) {
                throw new Malformed("expected pcm at byte " + at);
            }
            crc.update(frame.payload, 0, size);
            if (samples != null) {
                ByteBuffer.wrap(frame.payload)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asFloatBuffer()
                        .get(samples, at / 4, size / 4);
            }
            at += size;
        }
        return crc.getValue();
    }

    /** Runs a trial on a thread of its own, so that cancel is heard. */
    private void start(final HostMessage message) {
        joinTrial(); // it has said its last word already
        busy = true;
        final TrialControl mine =
                new TrialControl(
                        new TrialControl.Progress() {
                            @Override
                            public void emit(String stage, double fraction) {
                                progress(stage, fraction);
                            }
                        });
        control = mine;
        trial =
                new Thread("probe-trial") {
                    @Override
                    public void run() {
                        trial(message, mine);
                    }
                };
        trial.start();
    }

    private void trial(HostMessage message, TrialControl mine) {
        device.running(mine);
        try {
            if (message.codec != null) {
                Map<String, Object> answer = Wire.message("codec_cost");
                answer.putAll(device.codecCost(message.codec, mine));
                busy = false;
                wire.write(answer);
            } else {
                TrialRequest request = message.run.request;
                send(device.run(request, message.run.rateHz, plays(message.run), mine));
            }
            status.lastTrial("The last trial ended well");
        } catch (Refusal e) {
            status.lastTrial("The last trial was refused: " + e.code + ", " + e.getMessage());
            lastWord(refused(e));
        } catch (IOException e) {
            Log.d(TAG, "trial not delivered: " + e.getMessage());
        } catch (SecurityException e) {
            lastWord(refused(new Refusal(Refusal.PERMISSION, Texts.of(e))));
        } catch (RuntimeException | LinkageError e) {
            Log.e(TAG, "trial", e); // a vendor's fault is reported, not fatal
            lastWord(error(e));
        } catch (OutOfMemoryError e) {
            lastWord(refused(new Refusal(Refusal.TOO_LARGE, "the phone's memory is too small")));
        } finally {
            device.running(null);
            status.state(CONNECTED);
        }
    }

    private Mixer plays(HostMessage.Run run) throws Refusal {
        int count = run.plays.size();
        float[][] samples = new float[count][];
        long[] atFrame = new long[count];
        for (int i = 0; i < count; i++) {
            samples[i] = stimuli.get(run.plays.get(i).stimulusId, run.rateHz);
            atFrame[i] = run.plays.get(i).atFrame;
        }
        return new Mixer(samples, atFrame);
    }

    private void send(TrialResult result) throws IOException {
        Recording recording = result.recording;
        try {
            Map<String, Object> header = Wire.message("result");
            header.put("report", result.report);
            header.put("format", recording.format());
            header.put("frames", recording.frames());
            wire.write(header);
            sendSamples(recording);
        } finally {
            recording.close();
        }
    }

    private void sendSamples(Recording recording) throws IOException {
        int frameBytes = recording.channels() * (recording.format().equals("int16") ? 2 : 4);
        byte[] piece = new byte[Limits.MAX_PAYLOAD_BYTES / frameBytes * frameBytes];
        CRC32 crc = new CRC32();
        for (int frame = 0; frame < recording.frames(); ) {
            int bytes = recording.read(frame, piece);
            if (bytes <= 0) {
                throw new IllegalStateException("the recording ends at frame " + frame);
            }
            Map<String, Object> pcm = Wire.message("pcm");
            pcm.put("offset", (long) frame * frameBytes);
            wire.write(pcm, piece, bytes);
            crc.update(piece, 0, bytes);
            frame += bytes / frameBytes;
        }
        Map<String, Object> done = Wire.message("done");
        done.put("crc32", crc.getValue());
        busy = false;
        wire.write(done);
    }

    private void progress(String stage, double fraction) {
        status.state(stage.equals(TrialControl.PLAYING) ? "Playing and recording" : stage);
        Map<String, Object> event = Wire.message("progress");
        event.put("stage", stage);
        event.put("fraction", fraction);
        tell(event);
    }

    private void lastWord(Map<String, Object> message) {
        busy = false;
        tell(message);
    }

    /** Sends what need not arrive: when the host has gone, the reading thread ends all. */
    private void tell(Map<String, Object> message) {
        try {
            wire.write(message);
        } catch (IOException e) {
            Log.d(TAG, "not delivered: " + e.getMessage());
            wire.close();
        }
    }

    private static Map<String, Object> refused(Refusal refusal) {
        Map<String, Object> message = Wire.message("refused");
        message.put("code", refusal.code);
        message.put("text", Texts.cut(refusal.getMessage(), Limits.MAX_TEXT_CHARS));
        if (refusal.grantedRateHz > 0) {
            message.put("granted_rate_hz", refusal.grantedRateHz);
        }
        return message;
    }

    private static Map<String, Object> error(Throwable fault) {
        Map<String, Object> message = Wire.message("error");
        message.put("text", Texts.of(fault));
        return message;
    }
}
