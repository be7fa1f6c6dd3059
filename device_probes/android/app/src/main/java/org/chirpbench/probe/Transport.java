package org.chirpbench.probe;

import java.io.IOException;

/** Where hosts connect: an abstract local socket on a phone, TCP loopback in a JVM. */
interface Transport {
    /** Waits for the next host that may speak; throws when the transport is closed. */
    Link accept() throws IOException;

    /** Closes it, from any thread: {@link #accept} ends. Never throws. */
    void close();

    /** Opens transports; the one seam between the app on a phone and the same code in a JVM. */
    interface Factory {
        /** Listens under {@code name}; throws IOException when that is impossible. */
        Transport listen(String name) throws IOException;
    }
}
