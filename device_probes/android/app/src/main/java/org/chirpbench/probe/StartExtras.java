package org.chirpbench.probe;

import android.content.Intent;

/** What {@code am start} brought, read strictly: any app on the phone could have sent it. */
final class StartExtras {
    private static final String SOCKET = "chirpbench_[0-9a-f]{16}";
    private static final String TOKEN = "[0-9a-f]{32}";

    /** Name of the abstract socket; null when there is nothing to serve. */
    final String socket;
    /** The secret a host must say; null when there is nothing to serve. */
    final String token;
    /** Give the phone back as it was found, and finish. */
    final boolean restore;
    /** Something was there, and none of it as it must be. */
    final boolean wrong;

    StartExtras(Intent intent) {
        String name = intent == null ? null : text(intent, "socket");
        String secret = intent == null ? null : text(intent, "token");
        boolean valid =
                name != null && secret != null && name.matches(SOCKET) && secret.matches(TOKEN);
        socket = valid ? name : null;
        token = valid ? secret : null;
        wrong = !valid && (name != null || secret != null);
        restore = intent != null && flag(intent);
    }

    private static String text(Intent intent, String key) {
        try {
            return intent.getStringExtra(key);
        } catch (RuntimeException e) {
            return null; // a bundle with foreign classes in it
        }
    }

    private static boolean flag(Intent intent) {
        try {
            return intent.getBooleanExtra("restore", false);
        } catch (RuntimeException e) {
            return false;
        }
    }

    /** Whether {@code other} asks for the same socket and token. */
    boolean isSameAs(StartExtras other) {
        return other != null
                && socket != null
                && socket.equals(other.socket)
                && token.equals(other.token);
    }
}
