package org.chirpbench.probe;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** A connected host: an ordered byte stream in both directions. */
interface Link {
    /** Bytes from the host. */
    InputStream input() throws IOException;

    /** Bytes to the host. */
    OutputStream output() throws IOException;

    /** Closes it, from any thread: a read or write that waits ends. Never throws. */
    void close();
}
