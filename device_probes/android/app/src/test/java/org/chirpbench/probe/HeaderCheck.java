package org.chirpbench.probe;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/**
 * Reads headers from standard input, one a line in hexadecimal, and says of each: {@code
 * malformed}, or {@code json} and the object again, or {@code message} and the object when it is
 * also a message of the contract. For a comparison with the reader in Python.
 */
public final class HeaderCheck {
    private HeaderCheck() {}

    /** Anything but a verdict on every line is a fault of the reader, and ends it. */
    public static void main(String[] arguments) throws IOException {
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, false, "US-ASCII");
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            // A digit before it keeps the zeros at the beginning and the sign positive.
            byte[] padded = new BigInteger("1" + line, 16).toByteArray();
            out.println(verdict(Arrays.copyOfRange(padded, 1, padded.length)));
        }
        out.flush();
    }

    private static String verdict(byte[] header) {
        Map<String, Object> value;
        try {
            value = JsonReader.object(header);
        } catch (Malformed e) {
            return "malformed";
        }
        String text = new String(JsonWriter.bytes(value), StandardCharsets.US_ASCII);
        try {
            HostMessage.read(value);
        } catch (Malformed e) {
            return "json " + text;
        }
        return "message " + text;
    }
}
