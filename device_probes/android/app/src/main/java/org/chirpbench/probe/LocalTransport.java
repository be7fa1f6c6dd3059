package org.chirpbench.probe;

import android.net.LocalServerSocket;
import android.net.LocalSocket;
import android.net.LocalSocketAddress;
import android.util.Log;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * An abstract local socket that only adb can use: the kernel says who connects, and everybody but
 * root and the shell user is turned away.
 */
final class LocalTransport implements Transport {
    private static final String TAG = "chirpbench";
    private static final int ROOT_UID = 0;
    private static final int SHELL_UID = 2000;

    private final String name;
    private final LocalServerSocket server;
    private volatile boolean closed;

    private LocalTransport(String name) throws IOException {
        this.name = name;
        server = new LocalServerSocket(name);
    }

    /** Opens abstract sockets. */
    static final class Listen implements Transport.Factory {
        @Override
        public Transport listen(String name) throws IOException {
            return new LocalTransport(name);
        }
    }

    @Override
    public Link accept() throws IOException {
        while (true) {
            LocalSocket socket = server.accept();
            if (closed) {
                closeQuietly(socket);
                throw new IOException("closed");
            }
            if (isAllowed(socket)) {
                return new LocalLink(socket);
            }
            closeQuietly(socket);
        }
    }

    private static boolean isAllowed(LocalSocket socket) {
        try {
            int uid = socket.getPeerCredentials().getUid();
            if (uid == ROOT_UID || uid == SHELL_UID) {
                return true;
            }
            Log.w(TAG, "turned away a peer with uid " + uid);
        } catch (IOException e) {
            Log.w(TAG, "turned away a peer without credentials", e);
        }
        return false;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        // Closing the descriptor does not wake an accept() that waits; a connection does.
        LocalSocket wake = new LocalSocket();
        try {
            wake.connect(new LocalSocketAddress(name));
        } catch (IOException e) {
            Log.d(TAG, "nobody waited on " + name);
        }
        closeQuietly(wake);
        try {
            server.close();
        } catch (IOException e) {
            Log.d(TAG, "closed already: " + name);
        }
    }

    private static void closeQuietly(LocalSocket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            Log.d(TAG, "closed already", e);
        }
    }

    /** One connection of adbd. */
    private static final class LocalLink implements Link {
        private final LocalSocket socket;

        LocalLink(LocalSocket socket) {
            this.socket = socket;
        }

        @Override
        public InputStream input() throws IOException {
            return socket.getInputStream();
        }

        @Override
        public OutputStream output() throws IOException {
            return socket.getOutputStream();
        }

        @Override
        public void close() {
            try {
                // A close alone leaves a read in another thread waiting.
                socket.shutdownInput();
                socket.shutdownOutput();
            } catch (IOException e) {
                Log.d(TAG, "the host has gone first");
            }
            closeQuietly(socket);
        }
    }
}
