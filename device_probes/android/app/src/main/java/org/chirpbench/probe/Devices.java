package org.chirpbench.probe;

import android.media.AudioDeviceInfo;
import android.media.AudioManager;
import java.util.Arrays;
import java.util.List;

/** Audio devices by the contract's words. */
final class Devices {
    private static final int TYPE_SPEAKER_SAFE = 24; // API 30
    private static final int TYPE_BLE_HEADSET = 26; // API 31
    private static final int TYPE_BLE_SPEAKER = 27; // API 31

    private Devices() {}

    /** The contract's word for a device: that of its route, or its kind when no route has it. */
    static String word(int type) {
        switch (type) {
            case AudioDeviceInfo.TYPE_BUILTIN_SPEAKER:
            case TYPE_SPEAKER_SAFE:
                return "speaker";
            case AudioDeviceInfo.TYPE_BUILTIN_EARPIECE:
                return "earpiece";
            case AudioDeviceInfo.TYPE_BUILTIN_MIC:
                return "builtin_mic";
            case AudioDeviceInfo.TYPE_WIRED_HEADSET:
            case AudioDeviceInfo.TYPE_WIRED_HEADPHONES:
            case AudioDeviceInfo.TYPE_LINE_ANALOG:
                return "wired";
            case AudioDeviceInfo.TYPE_USB_DEVICE:
            case AudioDeviceInfo.TYPE_USB_ACCESSORY:
            case AudioDeviceInfo.TYPE_USB_HEADSET:
                return "usb";
            case AudioDeviceInfo.TYPE_BLUETOOTH_SCO:
                return "bluetooth_sco";
            case AudioDeviceInfo.TYPE_BLUETOOTH_A2DP:
                return "bluetooth_a2dp";
            case TYPE_BLE_HEADSET:
            case TYPE_BLE_SPEAKER:
                return "bluetooth_le";
            case AudioDeviceInfo.TYPE_TELEPHONY:
                return "telephony";
            case AudioDeviceInfo.TYPE_HDMI:
                return "hdmi";
            default:
                return "type_" + type;
        }
    }

    /** {@link #word(int)} of {@code device}; null when there is none. */
    static String word(AudioDeviceInfo device) {
        return device == null ? null : word(device.getType());
    }

    /** Kind and name of a device, for people; null when there is none. */
    static String describe(AudioDeviceInfo device) {
        return device == null ? null : word(device) + " (" + device.getProductName() + ")";
    }

    /** The first device of a list that {@code word} names; null when there is none. */
    static AudioDeviceInfo find(List<AudioDeviceInfo> devices, String word) {
        for (AudioDeviceInfo device : devices) {
            if (word.equals(word(device))) {
                return device;
            }
        }
        return null;
    }

    /** The device with this id; null when there is none. */
    static AudioDeviceInfo byId(AudioManager audio, int id) {
        for (AudioDeviceInfo device : audio.getDevices(AudioManager.GET_DEVICES_ALL)) {
            if (device.getId() == id) {
                return device;
            }
        }
        return null;
    }

    /** What is plugged in, in one direction. */
    static List<AudioDeviceInfo> all(AudioManager audio, boolean output) {
        int flag = output ? AudioManager.GET_DEVICES_OUTPUTS : AudioManager.GET_DEVICES_INPUTS;
        return Arrays.asList(audio.getDevices(flag));
    }

    /** The words of a list, each once, for a message. */
    static String words(List<AudioDeviceInfo> devices) {
        StringBuilder out = new StringBuilder();
        for (AudioDeviceInfo device : devices) {
            String word = word(device);
            if ((", " + out + ",").indexOf(", " + word + ",") < 0) {
                out.append(out.length() == 0 ? "" : ", ").append(word);
            }
        }
        return out.length() == 0 ? "none" : out.toString();
    }

    /** Whether something is plugged in or connected that the system would rather use. */
    static boolean isRivalled(List<AudioDeviceInfo> devices, String word) {
        for (AudioDeviceInfo device : devices) {
            String other = word(device);
            boolean builtIn =
                    other.equals("speaker")
                            || other.equals("earpiece")
                            || other.equals("builtin_mic")
                            || other.equals("telephony")
                            || other.startsWith("type_");
            if (!builtIn && !other.equals(word)) {
                return true;
            }
        }
        return false;
    }
}
