package org.chirpbench.probe;

import static org.robolectric.Shadows.shadowOf;

import android.app.Application;
import android.content.Context;
import android.content.Intent;
import android.media.AudioDeviceInfo;
import android.media.AudioFormat;
import android.media.AudioManager;
import java.util.ArrayList;
import java.util.List;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.shadows.AudioDeviceInfoBuilder;
import org.robolectric.util.ReflectionHelpers;

/** A phone in Robolectric: loudspeaker, earpiece, microphone, the real activity on its screen. */
final class Phone {
    static final String SOCKET = "chirpbench_0123456789abcdef";
    static final String TOKEN = "00112233445566778899aabbccddeeff";

    final Application application = RuntimeEnvironment.getApplication();
    final AudioManager audio =
            (AudioManager) application.getSystemService(Context.AUDIO_SERVICE);
    final TcpTransport.Listen transports = new TcpTransport.Listen();
    ActivityController<ProbeActivity> activity;

    Phone() {
        audio.setMode(AudioManager.MODE_NORMAL);
        List<AudioDeviceInfo> outputs = new ArrayList<AudioDeviceInfo>();
        outputs.add(device(AudioDeviceInfo.TYPE_BUILTIN_SPEAKER));
        outputs.add(device(AudioDeviceInfo.TYPE_BUILTIN_EARPIECE));
        shadowOf(audio).setOutputDevices(outputs);
        shadowOf(audio).setAvailableCommunicationDevices(outputs);
        List<AudioDeviceInfo> inputs = new ArrayList<AudioDeviceInfo>();
        AudioDeviceInfo microphone = device(AudioDeviceInfo.TYPE_BUILTIN_MIC);
        // The builder knows outputs only; AudioSystem.DEVICE_IN_BUILTIN_MIC is hidden.
        ReflectionHelpers.setField(
                ReflectionHelpers.<Object>getField(microphone, "mPort"), "mType", 0x80000004);
        inputs.add(microphone);
        shadowOf(audio).setInputDevices(inputs);
    }

    static AudioDeviceInfo device(int type) {
        AudioDeviceInfo device = AudioDeviceInfoBuilder.newBuilder().setType(type).build();
        Object port = ReflectionHelpers.getField(device, "mPort");
        field(port, "mName", "Robolectric");
        field(port, "mSamplingRates", new int[] {48000});
        field(port, "mChannelMasks", new int[] {AudioFormat.CHANNEL_OUT_MONO});
        field(port, "mChannelIndexMasks", new int[0]);
        field(port, "mFormats", new int[] {AudioFormat.ENCODING_PCM_16BIT});
        return device;
    }

    /** The builder leaves a port behind that no constructor has seen. */
    private static void field(Object port, String name, Object value) {
        ReflectionHelpers.setField(port.getClass().getSuperclass(), port, name, value);
    }

    void allowMicrophone() {
        shadowOf(application).grantPermissions(android.Manifest.permission.RECORD_AUDIO);
    }

    void denyMicrophone() {
        shadowOf(application).denyPermissions(android.Manifest.permission.RECORD_AUDIO);
    }

    static Intent intent(String socket, String token) {
        Intent intent = new Intent();
        intent.setClassName("org.chirpbench.probe", ProbeActivity.class.getName());
        return intent.putExtra("socket", socket).putExtra("token", token);
    }

    /** Starts the app as {@code am start} does, up to its screen being in front. */
    Phone start(Intent intent) {
        ProbeActivity.transports = transports;
        activity = Robolectric.buildActivity(ProbeActivity.class, intent);
        activity.create().start().resume();
        return this;
    }

    /** A host that is connected and has said nothing yet. */
    Host connect() throws Exception {
        return new Host(transports.last.port());
    }

    /** Another app comes in front. */
    void toBackground() {
        activity.pause();
    }

    /** The probe is in front again. */
    void toForeground() {
        activity.resume();
    }

    void finish() {
        if (activity != null) {
            activity.pause().stop().destroy();
        }
    }
}
