package org.chirpbench.probe;

import android.media.AudioRecordingConfiguration;
import android.media.audiofx.AcousticEchoCanceler;
import android.media.audiofx.AudioEffect;
import android.media.audiofx.AutomaticGainControl;
import android.media.audiofx.NoiseSuppressor;
import android.os.Build;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** The platform's echo canceller, noise suppressor and gain control on one capture session. */
final class Effects {
    static final String[] NAMES = {"aec", "ns", "agc"};

    private final List<AudioEffect> held = new ArrayList<AudioEffect>();
    private final Map<String, Map<String, Object>> states =
            new LinkedHashMap<String, Map<String, Object>>();
    private final TrialRequest request;

    Effects(TrialRequest request) {
        this.request = request;
    }

    /** The word of an effect's type; null when it is none of the three. */
    static String name(UUID type) {
        if (AudioEffect.EFFECT_TYPE_AEC.equals(type)) {
            return "aec";
        }
        if (AudioEffect.EFFECT_TYPE_NS.equals(type)) {
            return "ns";
        }
        return AudioEffect.EFFECT_TYPE_AGC.equals(type) ? "agc" : null;
    }

    /**
     * Turns the effects on or off on capture session {@code session} (0 and less = the stream has
     * none). Refuses with unsupported when an effect that is to be on cannot be.
     *
     * @param hasSession whether effects can be attached to the stream at all
     */
    void apply(int session, boolean hasSession) throws Refusal {
        for (String name : NAMES) {
            String wanted = wanted(name);
            if (!wanted.equals(TrialRequest.DEFAULT)) {
                states.put(name, set(name, wanted.equals(TrialRequest.ON), session, hasSession));
            }
        }
    }

    private String wanted(String name) {
        return name.equals("aec") ? request.aec : name.equals("ns") ? request.ns : request.agc;
    }

    private Map<String, Object> set(String name, boolean on, int session, boolean hasSession)
            throws Refusal {
        if (!hasSession) {
            if (on) {
                throw Refusal.unsupported(
                        name + " can be turned on only in a stream with a session id: ask for"
                                + " audio_session shared, or for the Java API");
            }
            return state("unknown", null);
        }
        if (!isAvailable(name)) {
            if (on) {
                throw Refusal.unsupported("the phone has no " + name + " of the platform");
            }
            return state("off", null);
        }
        AudioEffect effect = create(name, session);
        if (effect == null) {
            if (on) {
                throw new Refusal(
                        Refusal.OPEN_FAILED, "the system did not create the effect " + name);
            }
            return state("unknown", null);
        }
        held.add(effect);
        effect.setEnabled(on);
        // What it is now, not what was asked for.
        return state(effect.getEnabled() ? "on" : "off", effect.getDescriptor());
    }

    private static boolean isAvailable(String name) {
        return name.equals("aec")
                ? AcousticEchoCanceler.isAvailable()
                : name.equals("ns")
                        ? NoiseSuppressor.isAvailable()
                        : AutomaticGainControl.isAvailable();
    }

    private static AudioEffect create(String name, int session) {
        try {
            return name.equals("aec")
                    ? AcousticEchoCanceler.create(session)
                    : name.equals("ns")
                            ? NoiseSuppressor.create(session)
                            : AutomaticGainControl.create(session);
        } catch (RuntimeException e) {
            return null; // vendors throw where the documentation says null
        }
    }

    private static Map<String, Object> state(String state, AudioEffect.Descriptor descriptor) {
        Map<String, Object> result = new LinkedHashMap<String, Object>();
        result.put("state", state);
        if (descriptor != null) {
            result.put("uuid", String.valueOf(descriptor.uuid));
            result.put(
                    "implementor", Texts.cut(descriptor.implementor, Limits.MAX_NAME_CHARS));
        }
        return result;
    }

    /** What really runs on the stream, from Android 10 on; null {@code recording}: not known. */
    void observe(AudioRecordingConfiguration recording, Report report) {
        if (recording == null || Build.VERSION.SDK_INT < 29) {
            return;
        }
        StringBuilder active = new StringBuilder();
        Map<String, AudioEffect.Descriptor> found =
                new LinkedHashMap<String, AudioEffect.Descriptor>();
        for (AudioEffect.Descriptor descriptor : Api29.effects(recording)) {
            String name = name(descriptor.type);
            found.put(name, descriptor);
            active.append(active.length() == 0 ? "" : ", ")
                    .append(name == null ? String.valueOf(descriptor.name) : name);
        }
        report.observe("active_effects", active.length() == 0 ? "none" : active);
        for (String name : NAMES) {
            // Effects left to the platform, and those of a stream without a session.
            Map<String, Object> known = states.get(name);
            if (known == null || known.get("state").equals("unknown")) {
                AudioEffect.Descriptor descriptor = found.get(name);
                states.put(name, state(descriptor == null ? "off" : "on", descriptor));
            }
        }
    }

    /** Puts all three states into {@code report}. */
    void report(Report report) {
        Map<String, Object> all = new LinkedHashMap<String, Object>();
        for (String name : NAMES) {
            Map<String, Object> state = states.get(name);
            all.put(name, state == null ? state(TrialRequest.DEFAULT, null) : state);
        }
        report.put("effects", all);
    }

    /** Lets go of the effects. */
    void release() {
        for (AudioEffect effect : held) {
            effect.release();
        }
        held.clear();
    }
}
