package org.chirpbench.probe;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** The probe's transport in a JVM: TCP on the loopback address. */
final class TcpTransport implements Transport {
    private final ServerSocket server;

    TcpTransport() throws IOException {
        server = new ServerSocket(0, 8, InetAddress.getByName("127.0.0.1"));
    }

    /** Opens TCP transports and remembers the last one. */
    static final class Listen implements Transport.Factory {
        volatile String name;
        volatile TcpTransport last;

        @Override
        public Transport listen(String name) throws IOException {
            this.name = name;
            last = new TcpTransport();
            return last;
        }
    }

    int port() {
        return server.getLocalPort();
    }

    @Override
    public Link accept() throws IOException {
        return new TcpLink(server.accept());
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class TcpLink implements Link {
        private final Socket socket;

        TcpLink(Socket socket) throws IOException {
            this.socket = socket;
            socket.setTcpNoDelay(true);
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
                socket.close();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
