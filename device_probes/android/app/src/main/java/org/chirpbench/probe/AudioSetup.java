package org.chirpbench.probe;

import android.content.Context;
import android.media.AudioManager;
import android.os.Build;
import java.util.Map;

/**
 * Audio mode, route and volume of one trial: set with a note in the journal before each change,
 * and given back in the reverse order, because a volume belongs to the device in use.
 */
final class AudioSetup {
    private static final long MODE_MS = 1500;

    private final AudioManager audio;
    private final Journal journal;
    private final Routing routing;
    private int stream = AudioManager.STREAM_MUSIC;
    /** The route a trial began on, once it was taken to another; null: it is where it began. */
    private volatile Routing.Route left;
    private Routing.Route entered;

    AudioSetup(Context context, Journal journal) {
        audio = (AudioManager) context.getSystemService(Context.AUDIO_SERVICE);
        this.journal = journal;
        routing = new Routing(context, audio, journal);
    }

    /** Sets everything that {@code r} asks for; {@link #restore} must follow, also on failure. */
    Routing.Route enter(TrialRequest r, Report report, TrialControl control) throws Refusal {
        int mode = audio.getMode();
        if (mode == AudioManager.MODE_IN_CALL || mode == AudioManager.MODE_RINGTONE) {
            throw new Refusal(Refusal.OPEN_FAILED, "a phone call is going on");
        }
        Routing.Route route = routing.find(r); // before anything is changed: it may refuse
        if (r.isCommunication()) {
            journal.note(Journal.MODE, mode);
            setMode(AudioManager.MODE_IN_COMMUNICATION, control);
        }
        left = null;
        entered = route;
        routing.use(route, control);
        stream = r.isVoiceUsage() ? AudioManager.STREAM_VOICE_CALL : AudioManager.STREAM_MUSIC;
        if (r.volume >= 0) {
            setVolume(r.volume, report);
        }
        observe(report);
        return route;
    }

    /** Takes a running trial to another route; returns how, for the streams to follow. */
    Routing.Route change(TrialRequest r, String word, TrialControl life) throws Refusal {
        Routing.Route route = routing.findForMove(r, word);
        left = entered;
        routing.use(route, life);
        return route;
    }

    /** The mode is set by another process: it takes a moment, or never comes. */
    private void setMode(int mode, TrialControl control) throws Refusal {
        audio.setMode(mode);
        for (long waited = 0; audio.getMode() != mode; waited += 50) {
            if (waited >= MODE_MS) {
                throw new Refusal(
                        Refusal.OPEN_FAILED,
                        "the system did not enter the communication mode (mode "
                                + audio.getMode()
                                + "); another app may hold it");
            }
            control.sleep(50);
        }
    }

    private void setVolume(double volume, Report report) throws Refusal {
        if (audio.isVolumeFixed()) {
            report.note("this phone has a fixed volume");
            return;
        }
        int max = audio.getStreamMaxVolume(stream);
        int min = Build.VERSION.SDK_INT >= 28 ? Api28.minVolume(audio, stream) : 0;
        int index = Math.max(min, (int) Math.round(volume * max));
        journal.note(Journal.VOLUME + stream, audio.getStreamVolume(stream));
        try {
            audio.setStreamVolume(stream, index, 0);
        } catch (SecurityException e) {
            report.note("the volume could not be set, Do Not Disturb is on: " + e.getMessage());
        }
    }

    /** The contract's word of an audio mode. */
    static String word(int mode) {
        return mode == AudioManager.MODE_NORMAL
                ? "media"
                : mode == AudioManager.MODE_IN_COMMUNICATION ? "communication" : "mode_" + mode;
    }

    /** Puts what is really in force into {@code report}. */
    private void observe(Report report) {
        report.observe("audio_mode", word(audio.getMode()));
        report.observe(
                "volume_stream", stream == AudioManager.STREAM_MUSIC ? "music" : "voice_call");
        report.observe("volume_index", audio.getStreamVolume(stream));
        report.observe("volume_max", audio.getStreamMaxVolume(stream));
        report.observe("volume_muted", audio.isStreamMute(stream));
        report.observe("mic_muted", audio.isMicrophoneMute());
        routing.observe(report);
    }

    /**
     * Gives back what the journal holds; does nothing when it is empty.
     *
     * @param afterCrash the process that changed it is dead, and with it its mode and route: they
     *     are taken up again first, so that the volume is given back to the device it belongs to
     */
    void restore(boolean afterCrash) {
        if (journal.isEmpty()) {
            return;
        }
        if (afterCrash) {
            if (journal.has(Journal.MODE)) {
                audio.setMode(AudioManager.MODE_IN_COMMUNICATION);
            }
            routing.takeUpAgain();
        }
        if (left != null) {
            routing.comeBack(left); // each device has a volume of its own
            left = null;
        }
        for (Map.Entry<String, ?> entry : journal.all().entrySet()) {
            if (entry.getKey().startsWith(Journal.VOLUME)) {
                int of = Integer.parseInt(entry.getKey().substring(Journal.VOLUME.length()));
                restoreVolume(of, (Integer) entry.getValue());
            }
        }
        routing.restore();
        if (journal.has(Journal.MODE)) {
            // Never the mode that was noted: that one is its owner's, and comes back by itself
            // when this app lets go.
            audio.setMode(AudioManager.MODE_NORMAL);
        }
        journal.clear();
    }

    private void restoreVolume(int of, int index) {
        try {
            audio.setStreamVolume(of, index, 0);
        } catch (SecurityException e) {
            // Do Not Disturb was turned on meanwhile; the user's choice wins.
            android.util.Log.w("chirpbench", "volume of stream " + of + " not restored", e);
        }
    }
}
