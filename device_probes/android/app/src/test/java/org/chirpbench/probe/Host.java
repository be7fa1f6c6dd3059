package org.chirpbench.probe;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/** The host's side of the protocol, byte by byte, so that it can also say what no host would. */
final class Host implements AutoCloseable {
    private final Socket socket;
    private final DataInputStream in;
    private final OutputStream out;
    byte[] payload = new byte[0];

    Host(int port) throws IOException {
        socket = new Socket(InetAddress.getByName("127.0.0.1"), port);
        socket.setSoTimeout(20000);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
    }

    static byte[] frame(String header, byte[] payload) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(12 + text.length + payload.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put("CHRP".getBytes(StandardCharsets.US_ASCII))
                .putInt(text.length)
                .putInt(payload.length)
                .put(text)
                .put(payload)
                .array();
    }

    void raw(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    void say(String header) throws IOException {
        raw(frame(header, new byte[0]));
    }

    /** The next frame's header; null when the probe has hung up. */
    Map<String, Object> hear() throws Exception {
        byte[] prefix = new byte[12];
        int first = in.read();
        if (first < 0) {
            return null;
        }
        prefix[0] = (byte) first;
        in.readFully(prefix, 1, 11);
        ByteBuffer numbers = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[numbers.getInt(4)];
        payload = new byte[numbers.getInt(8)];
        in.readFully(header);
        in.readFully(payload);
        return JsonReader.object(header);
    }

    /** The next frame that is no progress. */
    Map<String, Object> hearWord() throws Exception {
        Map<String, Object> message = hear();
        while (message != null && "progress".equals(message.get("type"))) {
            message = hear();
        }
        return message;
    }

    /** A hello of this version; {@code more} are further keys, each with a comma before it. */
    static String helloText(String more) {
        String version = ",\"version\":\"t\"";
        return "{\"type\":\"hello\",\"protocol\":" + Limits.PROTOCOL + version + more + "}";
    }

    Host hello() throws Exception {
        say(helloText(",\"token\":\"" + Phone.TOKEN + "\""));
        Map<String, Object> answer = hear();
        if (answer == null || !"hello".equals(answer.get("type"))) {
            throw new IllegalStateException("no hello: " + answer);
        }
        return this;
    }

    /** Loads a stimulus and returns the probe's answer. */
    Map<String, Object> load(String id, int rateHz, float[] samples) throws Exception {
        byte[] bytes = bytes(samples);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        say(
                "{\"type\":\"load\",\"stimulus_id\":\"" + id + "\",\"rate_hz\":" + rateHz
                        + ",\"frames\":" + samples.length + ",\"crc32\":" + crc.getValue() + "}");
        for (int at = 0; at < bytes.length; at += 65536) {
            int end = Math.min(bytes.length, at + 65536);
            raw(frame(pcm(at), java.util.Arrays.copyOfRange(bytes, at, end)));
        }
        return hear();
    }

    static String pcm(int offset) {
        return "{\"type\":\"pcm\",\"offset\":" + offset + "}";
    }

    static byte[] bytes(float[] samples) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * samples.length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asFloatBuffer().put(samples);
        return buffer.array();
    }

    /** A request with everything at its default, which {@code changes} (key, value …) alter. */
    static Map<String, Object> request(Object... changes) {
        Map<String, Object> r = new LinkedHashMap<String, Object>();
        for (String key : new String[] {"sharing", "performance_mode", "input_preset", "usage"}) {
            r.put(key, "default");
        }
        r.put("api", "java");
        r.put("audio_mode", "media");
        r.put("route", "speaker");
        r.put("audio_session", "default");
        r.put("rate_hz", 48000);
        r.put("output_channels", 1);
        r.put("input_channels", 1);
        r.put("buffer_bursts", null);
        r.put("buffer_frames", null);
        r.put("volume", null);
        for (String effect : Effects.NAMES) {
            r.put(effect, "off");
        }
        r.put("warmup_s", 0.1);
        r.put("cpu_load", 0.0);
        r.put("cpu_threads", 1);
        r.put("background", "refuse");
        r.put("call", null);
        r.put("duration_s", 0.5);
        for (int i = 0; i < changes.length; i += 2) {
            r.put((String) changes[i], changes[i + 1]);
        }
        return r;
    }

    /** Asks for a trial in which stimulus {@code id} (null: none) is played at {@code atFrame}. */
    void run(int rateHz, String id, int atFrame, Object... changes) throws IOException {
        Map<String, Object> message = Wire.message("run");
        message.put("request", request(changes));
        message.put("rate_hz", rateHz);
        List<Object> plays = new java.util.ArrayList<Object>();
        if (id != null) {
            Map<String, Object> play = new LinkedHashMap<String, Object>();
            play.put("stimulus_id", id);
            play.put("at_frame", atFrame);
            plays.add(play);
        }
        message.put("plays", plays);
        say(new String(JsonWriter.bytes(message), StandardCharsets.US_ASCII));
    }

    /** Receives the samples after a result, up to done; checks order and checksum. */
    float[] samples(Map<String, Object> result) throws Exception {
        int frames = ((Long) result.get("frames")).intValue();
        Map<?, ?> report = (Map<?, ?>) result.get("report");
        int channels = ((Long) ((Map<?, ?>) report.get("input")).get("channels")).intValue();
        ByteBuffer all =
                ByteBuffer.allocate(4 * frames * channels).order(ByteOrder.LITTLE_ENDIAN);
        CRC32 crc = new CRC32();
        Map<String, Object> message = hear();
        while ("pcm".equals(message.get("type"))) {
            if ((Long) message.get("offset") != all.position()) {
                throw new IllegalStateException("samples out of order");
            }
            all.put(payload);
            crc.update(payload);
            message = hear();
        }
        if (!"done".equals(message.get("type")) || (Long) message.get("crc32") != crc.getValue()) {
            throw new IllegalStateException("wrong end: " + message);
        }
        float[] samples = new float[frames * channels];
        all.flip();
        all.asFloatBuffer().get(samples);
        return samples;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
