package org.chirpbench.probe;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;

/** As harness.c, in a JVM: {@code NativeHarness SCENARIOS STIMULUS OUT}; prints the same lines. */
final class NativeHarness {
    private static final int POLLS = 20000;

    private final float[] stimulus;
    private final Path out;

    private NativeHarness(float[] stimulus, Path out) {
        this.stimulus = stimulus;
        this.out = out;
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        System.out.println("available " + NativeAudio.available());
        System.out.println("reason " + NativeAudio.unavailableReason());
        if (arguments.length == 0 || !NativeAudio.available()) {
            return;
        }
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(Paths.get(arguments[1])));
        FloatBuffer floats = bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        float[] stimulus = new float[floats.remaining()];
        floats.get(stimulus);
        NativeHarness harness = new NativeHarness(stimulus, Paths.get(arguments[2]));
        System.out.println("version " + NativeAudio.version());
        System.out.println("check " + NativeAudio.check());
        System.out.println("missing " + NativeAudio.missing());
        Path config = Paths.get(System.getenv("FAKE_AAUDIO_CONFIG"));
        for (String line : Files.readAllLines(Paths.get(arguments[0]))) {
            Files.write(config, line.getBytes(StandardCharsets.UTF_8));
            harness.run(line);
        }
    }

    private static String word(String line, String key, String otherwise) {
        for (String word : line.split(" ")) {
            if (word.startsWith(key + "=")) {
                return word.substring(key.length() + 1);
            }
        }
        return otherwise;
    }

    private static int number(String line, String key, int otherwise) {
        return Integer.parseInt(word(line, key, Integer.toString(otherwise)));
    }

    private void run(String line) throws IOException, InterruptedException {
        String name = word(line, "name", "");
        System.out.println("scenario " + name);
        if (number(line, "abuse", 0) != 0) {
            NativeAbuse.run();
            return;
        }
        int[] granted = new int[NativeAudio.G_COUNT];
        long handle = NativeAudio.open(wanted(line), granted);
        print("open", handle > 0 ? 1 : handle);
        print("granted", longs(granted));
        if (handle <= 0) {
            return;
        }
        int frames = number(line, "frames", 0);
        int warmup = number(line, "warmup", 0);
        print("prepare", NativeAudio.prepare(handle, warmup, frames, number(line, "record", 1)));
        print("mix", mix(line, handle, frames));
        int started = NativeAudio.start(handle);
        print("start", started);
        if (started == 0) {
            waitFor(handle, number(line, "stop_at", 0));
        }
        report(handle, name, granted);
        print("close", NativeAudio.close(handle));
        print("closed", NativeAudio.stop(handle));
    }

    private static int[] wanted(String line) {
        int[] wanted = {48000, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0};
        for (int i = 0; i < wanted.length; i++) {
            wanted[i] = number(line, "w" + i, wanted[i]);
        }
        return wanted;
    }

    private int mix(String line, long handle, int frames) {
        for (String play : word(line, "plays", "").split(":")) {
            int at = play.isEmpty() ? frames : Integer.parseInt(play);
            int count = Math.min(stimulus.length, frames - at);
            int result = NativeAudio.mix(handle, at, stimulus, 0, count);
            if (result != 0) {
                return result;
            }
        }
        return 0;
    }

    private static void waitFor(long handle, long stopAt) throws InterruptedException {
        long[] status = new long[NativeAudio.S_COUNT];
        for (int i = 0; i < POLLS; i++) {
            NativeAudio.poll(handle, status);
            boolean ended = status[NativeAudio.S_STATE] >= NativeAudio.STATE_DONE;
            if (ended || (stopAt > 0 && status[NativeAudio.S_PLAYED_FRAMES] >= stopAt)) {
                return;
            }
            Thread.sleep(1);
        }
    }

    private void report(long handle, String name, int[] granted) throws IOException {
        long[] pair = new long[2];
        if (NativeAudio.timestamp(handle, NativeAudio.OUTPUT, pair) == 0) {
            print("output_time", pair);
        }
        if (NativeAudio.timestamp(handle, NativeAudio.INPUT, pair) == 0) {
            print("input_time", pair);
        }
        print("stop", NativeAudio.stop(handle));
        long[] status = new long[NativeAudio.S_COUNT];
        NativeAudio.poll(handle, status);
        print("status", status);
        long[] counts = new long[NativeAudio.H_COUNT];
        NativeAudio.histogram(handle, counts);
        print("histogram", counts);
        print("zero_run", NativeAudio.zeroRun(handle));
        int channels = granted[NativeAudio.G_INPUT + NativeAudio.G_CHANNELS];
        int format = granted[NativeAudio.G_INPUT + NativeAudio.G_FORMAT];
        write(handle, name, channels * (format == NativeAudio.FORMAT_FLOAT32 ? 4 : 2));
    }

    private void write(long handle, String name, int frameBytes) throws IOException {
        byte[] part = new byte[10007]; // no whole number of frames, on purpose
        int total = 0;
        try (OutputStream file = Files.newOutputStream(out.resolve(name + ".pcm"))) {
            int got = NativeAudio.read(handle, 0, part);
            while (got > 0) {
                file.write(part, 0, got);
                total += got;
                got = NativeAudio.read(handle, total / frameBytes, part);
            }
        }
        print("read", total);
    }

    private static long[] longs(int[] values) {
        long[] wide = new long[values.length];
        for (int i = 0; i < values.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private static void print(String what, long... values) {
        String numbers = Arrays.toString(values).replaceAll("[\\[\\],]", "");
        System.out.println(what + " " + numbers);
    }
}
