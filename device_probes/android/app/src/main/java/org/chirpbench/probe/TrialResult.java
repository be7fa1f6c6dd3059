package org.chirpbench.probe;

import java.util.Map;

/** What a trial that ended well hands to the host. */
final class TrialResult {
    /** The {@code report} of the contract. */
    final Map<String, Object> report;
    /** To be closed by whoever sends it. */
    final Recording recording;

    TrialResult(Map<String, Object> report, Recording recording) {
        this.report = report;
        this.recording = recording;
    }
}
