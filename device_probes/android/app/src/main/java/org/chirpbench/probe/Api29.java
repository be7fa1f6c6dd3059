package org.chirpbench.probe;

import android.annotation.TargetApi;
import android.media.AudioRecordingConfiguration;
import android.media.MediaCodecInfo;
import android.media.audiofx.AudioEffect;
import android.os.PowerManager;
import java.util.List;

/** What came with API 29; loaded only there. */
@TargetApi(29)
final class Api29 {
    private static final String[] THERMAL = {
        "none", "light", "moderate", "severe", "critical", "emergency", "shutdown"
    };

    private Api29() {}

    /** Whether the system feeds this recording zeros. */
    static boolean isSilenced(AudioRecordingConfiguration recording) {
        return recording.isClientSilenced();
    }

    /** The effects that really run on the recording's stream. */
    static List<AudioEffect.Descriptor> effects(AudioRecordingConfiguration recording) {
        return recording.getEffects();
    }

    /** The thermal status as the contract's word. */
    static String thermalStatus(PowerManager power) {
        int status = power.getCurrentThermalStatus();
        return status >= 0 && status < THERMAL.length ? THERMAL[status] : "status_" + status;
    }

    /** {@code hardware}, {@code software} … and who made a codec. */
    static String codecFlags(MediaCodecInfo codec) {
        String speed =
                codec.isHardwareAccelerated()
                        ? "hardware"
                        : codec.isSoftwareOnly() ? "software" : "unaccelerated";
        return speed
                + (codec.isVendor() ? " vendor" : " platform")
                + (codec.isAlias() ? " alias of " + codec.getCanonicalName() : "");
    }
}
