package org.chirpbench.probe;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;

/**
 * Frames over a link: {@code CHRP}, uint32 header bytes, uint32 payload bytes (little-endian), one
 * JSON object, a payload. Reading belongs to one thread, writing to any.
 */
final class Wire {
    private static final int MAGIC = 0x50524843; // "CHRP", little-endian
    private static final int PREFIX_BYTES = 12;
    private static final long SEND_MS = 60000;
    private static final byte[] NOTHING = new byte[0];

    /** One frame as it arrived. */
    static final class Frame {
        /** The JSON object. */
        final Map<String, Object> header;
        /** The samples of a pcm frame, else empty. */
        final byte[] payload;

        Frame(Map<String, Object> header, byte[] payload) {
            this.header = header;
            this.payload = payload;
        }
    }

    private final Link link;
    private final Timer watchdog = new Timer("probe-deadlines", true);
    private final Object writing = new Object();

    Wire(Link link) {
        this.link = link;
    }

    /**
     * Closes the link unless {@link Deadline#met} is called within {@code ms}: streams of local
     * sockets have no timeout that can be told from a fault.
     */
    Deadline deadline(long ms) {
        Deadline deadline = new Deadline(this);
        try {
            watchdog.schedule(deadline.task, ms);
        } catch (IllegalStateException e) {
            deadline.met(); // closed meanwhile: the next read or write says so
        }
        return deadline;
    }

    /** A moment at which the link is closed. */
    static final class Deadline {
        private final TimerTask task;

        private Deadline(final Wire wire) {
            task =
                    new TimerTask() {
                        @Override
                        public void run() {
                            wire.close();
                        }
                    };
        }

        /** What was waited for has come. */
        void met() {
            task.cancel();
        }
    }

    /** The next frame; throws {@link Malformed} for one that breaks a bound. */
    Frame read() throws IOException, Malformed {
        ByteBuffer prefix = ByteBuffer.wrap(exactly(PREFIX_BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        int magic = prefix.getInt();
        int headerBytes = prefix.getInt();
        int payloadBytes = prefix.getInt();
        if (magic != MAGIC) {
            throw new Malformed("frame begins with 0x" + Integer.toHexString(magic));
        }
        // As int a length beyond 2^31 is negative, and refused as well.
        if (headerBytes < 2 || headerBytes > Limits.MAX_HEADER_BYTES) {
            throw new Malformed("header of " + (headerBytes & 0xffffffffL) + " bytes");
        }
        if (payloadBytes < 0 || payloadBytes > Limits.MAX_PAYLOAD_BYTES) {
            throw new Malformed("payload of " + (payloadBytes & 0xffffffffL) + " bytes");
        }
        Map<String, Object> header = JsonReader.object(exactly(headerBytes));
        if (payloadBytes > 0 && !"pcm".equals(header.get("type"))) {
            throw new Malformed(
                    "a " + Texts.shown(header.get("type")) + " frame carries a payload");
        }
        return new Frame(header, payloadBytes > 0 ? exactly(payloadBytes) : NOTHING);
    }

    private byte[] exactly(int size) throws IOException {
        byte[] data = new byte[size];
        InputStream in = link.input();
        for (int at = 0; at < size; ) {
            int got = in.read(data, at, size - at);
            if (got < 0) {
                throw new EOFException("the host has gone");
            }
            at += got;
        }
        return data;
    }

    /** Sends a frame without payload. */
    void write(Map<String, ?> header) throws IOException {
        write(header, NOTHING, 0);
    }

    /** Sends one frame whole; frames of several threads do not mix. */
    void write(Map<String, ?> header, byte[] payload, int payloadBytes) throws IOException {
        byte[] text = JsonWriter.bytes(header);
        if (text.length > Limits.MAX_HEADER_BYTES || payloadBytes > Limits.MAX_PAYLOAD_BYTES) {
            throw new IllegalArgumentException("frame too large: " + text.length + " bytes");
        }
        ByteBuffer head =
                ByteBuffer.allocate(PREFIX_BYTES + text.length).order(ByteOrder.LITTLE_ENDIAN);
        head.putInt(MAGIC).putInt(text.length).putInt(payloadBytes).put(text);
        Deadline deadline = deadline(SEND_MS);
        try {
            synchronized (writing) {
                OutputStream out = link.output();
                out.write(head.array());
                out.write(payload, 0, payloadBytes);
                out.flush();
            }
        } finally {
            deadline.met();
        }
    }

    /** Closes the link. Never throws. */
    void close() {
        watchdog.cancel();
        link.close();
    }

    /** A header of this type, ready for more keys. */
    static Map<String, Object> message(String type) {
        Map<String, Object> header = new LinkedHashMap<String, Object>();
        header.put("type", type);
        return header;
    }
}
