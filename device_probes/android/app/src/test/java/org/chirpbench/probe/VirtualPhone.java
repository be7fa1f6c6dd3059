package org.chirpbench.probe;

import static org.robolectric.Shadows.shadowOf;

import android.os.Build;
import android.os.Looper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.Test;
import org.junit.runner.JUnitCore;
import org.junit.runner.Result;
import org.junit.runner.RunWith;
import org.junit.runner.notification.Failure;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.robolectric.util.ReflectionHelpers;

/**
 * The app as it ships, running in a JVM and serving the protocol over TCP on the loopback address:
 * what {@code am start} starts on a virtual phone. Prints {@code PORT n} when it listens, obeys
 * {@code background}, {@code foreground}, {@code freeze} and {@code thaw} on its standard input
 * (each answered with {@code DONE word}), and ends when that is closed.
 *
 * <p>System properties {@code chirpbench.*}: socket, token, delay (frames from loudspeaker to
 * microphone), gain, realtime, microphone ({@code denied}), and {@code chirpbench.build.X} for the
 * fields of android.os.Build.
 */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34)
public class VirtualPhone {
    private static final String END = "end";

    private final BlockingQueue<String> commands = new LinkedBlockingQueue<String>();

    /** Ends with 0 when standard input was closed, with 1 when the app fell over. */
    public static void main(String[] arguments) {
        Result result = new JUnitCore().run(VirtualPhone.class);
        for (Failure failure : result.getFailures()) {
            System.err.println(failure.getTrace());
        }
        System.exit(result.wasSuccessful() ? 0 : 1);
    }

    private static String property(String name, String otherwise) {
        return System.getProperty("chirpbench." + name, otherwise);
    }

    /** Serves until standard input ends. */
    @Test
    public void serve() throws InterruptedException {
        name();
        int delay = Integer.parseInt(property("delay", "0"));
        float gain = Float.parseFloat(property("gain", "0.5"));
        Air air = new Air(delay, gain, Boolean.parseBoolean(property("realtime", "false")));
        air.install();
        Phone phone = new Phone();
        if (property("microphone", "allowed").equals("allowed")) {
            phone.allowMicrophone();
        }
        phone.start(Phone.intent(property("socket", Phone.SOCKET), property("token", Phone.TOKEN)));
        System.out.println("PORT " + phone.transports.last.port());
        listen();
        for (String word = ""; !word.equals(END); ) {
            shadowOf(Looper.getMainLooper()).idle();
            word = commands.poll(20, TimeUnit.MILLISECONDS);
            word = word == null ? "" : word;
            if (!word.isEmpty() && !word.equals(END)) {
                obey(word, phone, air);
                System.out.println("DONE " + word);
            }
        }
        phone.finish();
        air.remove();
    }

    private static void obey(String word, Phone phone, Air air) {
        switch (word) {
            case "background":
                phone.toBackground();
                break;
            case "foreground":
                phone.toForeground();
                break;
            case "freeze":
            case "thaw":
                air.frozen = word.equals("freeze");
                break;
            default:
                throw new IllegalArgumentException(word);
        }
    }

    private static void name() {
        String prefix = "chirpbench.build.";
        for (Map.Entry<Object, Object> entry : System.getProperties().entrySet()) {
            String key = (String) entry.getKey();
            if (key.startsWith(prefix)) {
                String field = key.substring(prefix.length());
                ReflectionHelpers.setStaticField(Build.class, field, entry.getValue());
            }
        }
    }

    private void listen() {
        Thread thread =
                new Thread("commands") {
                    @Override
                    public void run() {
                        read();
                    }
                };
        thread.setDaemon(true);
        thread.start();
    }

    private void read() {
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                commands.add(line.trim());
            }
        } catch (IOException e) {
            System.err.println("standard input: " + e);
        }
        commands.add(END);
    }
}
