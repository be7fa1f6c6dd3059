package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.media.AudioDeviceInfo;
import android.media.AudioManager;
import android.os.Build;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.Test;
import org.robolectric.shadows.ShadowLooper;
import org.robolectric.util.ReflectionHelpers;

/** Whatever happens, the phone is given back as it was found. */
public class RestoreTest extends PhoneTest {
    private static final int MUSIC = AudioManager.STREAM_MUSIC;
    private static final int CALL = AudioManager.STREAM_VOICE_CALL;

    private void isAsFound() throws InterruptedException {
        Journal journal = new Journal(phone.application);
        for (int i = 0; i < 100 && !journal.isEmpty(); i++) {
            Thread.sleep(50); // the session ends on a thread of its own
        }
        assertTrue("left in the journal: " + journal.all(), journal.isEmpty());
        assertEquals(3, phone.audio.getStreamVolume(MUSIC));
        assertEquals(4, phone.audio.getStreamVolume(CALL));
        assertEquals(AudioManager.MODE_NORMAL, phone.audio.getMode());
        assertNull(phone.audio.getCommunicationDevice());
    }

    private void setVolumes() {
        phone.audio.setStreamVolume(MUSIC, 3, 0);
        phone.audio.setStreamVolume(CALL, 4, 0);
    }

    @Test
    public void theMediaVolumeIsQuantisedAndRestored() throws Exception {
        setVolumes();
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "volume", 0.5);
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("music", observed(result, "volume_stream"));
            assertEquals("15", observed(result, "volume_max"));
            assertEquals("8", observed(result, "volume_index")); // 7.5 rounds up
            assertEquals("media", observed(result, "audio_mode"));
            isAsFound(); // before the host has left
        }
    }

    @Test
    public void aCallIsSetUpAndTakenBack() throws Exception {
        setVolumes();
        try (Host host = phone.connect().hello()) {
            host.run(
                    48000, null, 0, "audio_mode", "communication", "route", "earpiece", "volume",
                    1.0);
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("communication", observed(result, "audio_mode"));
            assertEquals("voice_call", observed(result, "volume_stream"));
            assertEquals("7", observed(result, "volume_index"));
            String device = (String) observed(result, "communication_device");
            assertTrue(device, device.startsWith("earpiece"));
            assertEquals("voice_communication", observed(result, "usage"));
            isAsFound();
        }
    }

    @Test
    public void aRefusedTrialLeavesNothingBehind() throws Exception {
        setVolumes();
        shadowOf(phone.audio).lockCommunicationDevice(true);
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "audio_mode", "communication", "volume", 1.0);
            isRefused(Refusal.OPEN_FAILED, host.hearWord());
            isAsFound();
        }
    }

    @Test
    public void aHostThatVanishesInMidTrialLeavesNothingBehind() throws Exception {
        setVolumes();
        air.remove();
        air = new Air(DELAY, 1f, true).install();
        Host host = phone.connect().hello();
        host.run(48000, null, 0, "audio_mode", "communication", "volume", 1.0, "duration_s", 30.0);
        while (!"playing".equals(host.hear().get("stage"))) {
            continue;
        }
        assertEquals(7, phone.audio.getStreamVolume(CALL));
        assertFalse(new Journal(phone.application).isEmpty());
        host.close();
        isAsFound();
    }

    /** As after a crash or a force-stop in mid-trial: the journal is all that is left. */
    private void crash() throws Refusal {
        phone.finish();
        Journal journal = new Journal(phone.application);
        journal.note(Journal.MODE, AudioManager.MODE_NORMAL);
        journal.note(Journal.COMMUNICATION_DEVICE, AudioDeviceInfo.TYPE_BUILTIN_SPEAKER);
        journal.note(Journal.VOLUME + CALL, 4);
        journal.note(Journal.VOLUME + MUSIC, 3);
        journal.note(Journal.VOLUME + MUSIC, 14); // the first note wins
        phone.audio.setStreamVolume(MUSIC, 14, 0);
        phone.audio.setStreamVolume(CALL, 7, 0);
    }

    @Test
    public void theNextStartGivesBackWhatACrashLeft() throws Exception {
        crash();
        phone.start(Phone.intent(Phone.SOCKET, Phone.TOKEN));
        AndroidDevice.of(phone.application, null).restore();
        isAsFound();
    }

    @Test
    public void restoreGivesBackAndFinishes() throws Exception {
        crash();
        phone.start(new Intent().putExtra("restore", true));
        isAsFound(); // at once: the host ends the app as soon as it is on the screen
        assertFalse(phone.activity.get().isFinishing());
        ShadowLooper.idleMainLooper(5, TimeUnit.SECONDS);
        assertTrue(phone.activity.get().isFinishing());
    }

    @Test
    public void aCallInProgressIsNotDisturbed() throws Exception {
        phone.audio.setMode(AudioManager.MODE_IN_CALL);
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "volume", 1.0);
            Map<String, Object> refused = host.hearWord();
            isRefused(Refusal.OPEN_FAILED, refused);
            assertEquals("a phone call is going on", refused.get("text"));
            assertEquals(AudioManager.MODE_IN_CALL, phone.audio.getMode());
        }
    }

    @Test
    public void olderPhonesAreSwitchedByTheSpeakerphone() throws Exception {
        setVolumes();
        ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", 30);
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "audio_mode", "communication", "route", "speaker");
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("true", observed(result, "speakerphone"));
            assertFalse(phone.audio.isSpeakerphoneOn());
            phone.audio.setSpeakerphoneOn(true);
            host.run(48000, null, 0, "audio_mode", "communication", "route", "earpiece");
            result = host.hearWord();
            host.samples(result);
            assertEquals("false", observed(result, "speakerphone"));
            assertTrue(phone.audio.isSpeakerphoneOn());
            host.run(48000, null, 0, "route", "bluetooth_le");
            isRefused(Refusal.UNSUPPORTED, host.hearWord());
        } finally {
            ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", 34);
        }
        isAsFound();
    }

    @Test
    public void aPluggedInHeadsetIsKeptOutOfTheSpeakersWay() throws Exception {
        List<AudioDeviceInfo> outputs = new ArrayList<AudioDeviceInfo>();
        outputs.add(Phone.device(AudioDeviceInfo.TYPE_BUILTIN_SPEAKER));
        outputs.add(Phone.device(AudioDeviceInfo.TYPE_USB_HEADSET));
        Routing routing =
                new Routing(phone.application, phone.audio, new Journal(phone.application));
        TrialRequest request = new TrialRequest();
        request.route = "speaker";
        assertNull("alone, the system chooses it by itself", routing.find(request).output);
        shadowOf(phone.audio).setOutputDevices(outputs);
        assertEquals(
                AudioDeviceInfo.TYPE_BUILTIN_SPEAKER, routing.find(request).output.getType());
        request.usage = "voice_communication";
        assertEquals(
                AudioDeviceInfo.TYPE_BUILTIN_SPEAKER, routing.find(request).output.getType());
        request.usage = "media";
        request.route = "usb";
        assertNull(routing.find(request).output);
        request.route = "default";
        assertNull(routing.find(request).output);
    }
}
