package org.chirpbench.probe;

/** Written by tools/apk from profiler.__version__ and device_probes.protocol; do not edit. */
final class BuildInfo {
    static final String VERSION_NAME = "0.1.0";
    static final int VERSION_CODE = 100;
    /** Version of docs/probe-protocol.md that this probe speaks. */
    static final int PROTOCOL = 4;

    private BuildInfo() {
    }
}
