package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.media.AudioRecordingConfiguration;
import android.media.audiofx.AudioEffect;
import java.util.Collections;
import java.util.Map;
import java.util.UUID;
import org.junit.Test;
import org.robolectric.shadows.ShadowAudioEffect;
import org.robolectric.util.ReflectionHelpers;

/** The platform's effects: asked for, and what they really are. */
public class EffectsTest extends PhoneTest {
    private static final String UUID_AEC = "bb392ec0-8d4d-11e0-a896-0002a5d5c51b";

    private static AudioEffect.Descriptor aec() {
        AudioEffect.Descriptor descriptor = new AudioEffect.Descriptor();
        descriptor.type = AudioEffect.EFFECT_TYPE_AEC;
        descriptor.uuid = UUID.fromString(UUID_AEC);
        descriptor.name = "Acoustic Echo Canceler";
        descriptor.implementor = "ACME \u202eevil";
        return descriptor;
    }

    private static String state(Map<String, Object> result, String effect) {
        Map<?, ?> effects = (Map<?, ?>) report(result).get("effects");
        return (String) ((Map<?, ?>) effects.get(effect)).get("state");
    }

    @Test
    public void theStateIsTheOneAfterwards() throws Exception {
        ShadowAudioEffect.addEffect(aec());
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "aec", "on", "ns", "default", "agc", "off");
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("on", state(result, "aec"));
            assertEquals("default", state(result, "ns"));
            assertEquals("off", state(result, "agc"));
            host.run(48000, null, 0, "aec", "off");
            result = host.hearWord();
            host.samples(result);
            assertEquals("off", state(result, "aec"));
            host.run(48000, null, 0, "ns", "on");
            isRefused(Refusal.UNSUPPORTED, host.hearWord());
        }
    }

    @Test
    public void whatTheSystemRunsByItselfIsSeen() throws Exception {
        AudioRecordingConfiguration own =
                shadowOf(phone.audio).createActiveRecordingConfiguration(0, 7, "org.chirpbench");
        ReflectionHelpers.setField(
                own, "mDeviceEffects", new AudioEffect.Descriptor[] {aec()});
        shadowOf(phone.audio)
                .setActiveRecordingConfigurations(Collections.singletonList(own), false);
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "aec", "default", "ns", "default", "agc", "default");
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            Map<?, ?> aec = (Map<?, ?>) ((Map<?, ?>) report(result).get("effects")).get("aec");
            assertEquals("on", aec.get("state"));
            assertEquals(UUID_AEC, aec.get("uuid"));
            assertEquals("ACME \ufffdevil", aec.get("implementor"));
            assertEquals("off", state(result, "ns"));
            assertEquals("aec", observed(result, "active_effects"));
            assertEquals("voice_communication", observed(result, "recording_source"));
        } finally {
            shadowOf(phone.audio)
                    .setActiveRecordingConfigurations(
                            Collections.<AudioRecordingConfiguration>emptyList(), false);
        }
    }

    @Test
    public void aStreamWithoutSessionCannotBeGivenEffects() throws Refusal {
        TrialRequest request = new TrialRequest();
        Effects effects = new Effects(request);
        effects.apply(-1, false);
        Report report = new Report("1");
        effects.report(report);
        assertTrue(report.toJson().toString().contains("aec={state=unknown}"));
        request.aec = TrialRequest.ON;
        try {
            new Effects(request).apply(-1, false);
        } catch (Refusal e) {
            assertEquals(Refusal.UNSUPPORTED, e.code);
            return;
        }
        throw new AssertionError("an effect was promised to a stream without a session");
    }

    @Test
    public void factsNameTheEffects() throws Exception {
        ShadowAudioEffect.addEffect(aec());
        try (Host host = phone.connect().hello()) {
            host.say("{\"type\":\"facts\"}");
            Map<?, ?> raw = (Map<?, ?>) ((Map<?, ?>) host.hear().get("facts")).get("raw");
            assertEquals(UUID_AEC, raw.get("effect.aec.0.uuid"));
            assertEquals("ACME \ufffdevil", raw.get("effect.aec.0.implementor"));
        }
    }
}
