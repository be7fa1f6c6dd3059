package org.chirpbench.probe;

import android.annotation.TargetApi;
import android.media.AudioDeviceInfo;
import android.media.AudioManager;
import android.os.Build;
import java.util.List;

/** What came with API 31; loaded only there. */
@TargetApi(31)
final class Api31 {
    static final String BLUETOOTH_CONNECT = "android.permission.BLUETOOTH_CONNECT";

    private Api31() {}

    /** Manufacturer of the SoC. */
    static String socManufacturer() {
        return Build.SOC_MANUFACTURER;
    }

    /** Model of the SoC. */
    static String socModel() {
        return Build.SOC_MODEL;
    }

    /** Media performance class: the API level whose rules the phone meets, 0 = none. */
    static int performanceClass() {
        return Build.VERSION.MEDIA_PERFORMANCE_CLASS;
    }

    /** Devices a call may use. */
    static List<AudioDeviceInfo> communicationDevices(AudioManager audio) {
        return audio.getAvailableCommunicationDevices();
    }

    /** The device calls use now; null when the system does not say. */
    static AudioDeviceInfo communicationDevice(AudioManager audio) {
        return audio.getCommunicationDevice();
    }

    /** Asks for {@code device}; false when the system refuses at once. */
    static boolean setCommunicationDevice(AudioManager audio, AudioDeviceInfo device) {
        return audio.setCommunicationDevice(device);
    }

    /** Takes back what {@link #setCommunicationDevice} asked for. */
    static void clearCommunicationDevice(AudioManager audio) {
        audio.clearCommunicationDevice();
    }
}
