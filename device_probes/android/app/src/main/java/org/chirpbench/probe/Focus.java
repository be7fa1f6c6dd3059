package org.chirpbench.probe;

import android.media.AudioFocusRequest;
import android.media.AudioManager;
import android.os.Handler;
import android.os.Looper;

/** Asks other apps to be silent while a trial runs, and ends the trial when one takes over. */
final class Focus implements AudioManager.OnAudioFocusChangeListener {
    private final AudioManager audio;
    private final TrialControl control;
    private AudioFocusRequest request;

    Focus(AudioManager audio, TrialControl control) {
        this.audio = audio;
        this.control = control;
    }

    /** Returns {@code granted} or {@code refused}; a trial runs without it as well. */
    String ask(TrialRequest r) {
        request =
                new AudioFocusRequest.Builder(AudioManager.AUDIOFOCUS_GAIN_TRANSIENT_EXCLUSIVE)
                        .setAudioAttributes(Words.attributes(r))
                        .setOnAudioFocusChangeListener(this, new Handler(Looper.getMainLooper()))
                        .build();
        return audio.requestAudioFocus(request) == AudioManager.AUDIOFOCUS_REQUEST_GRANTED
                ? "granted"
                : "refused";
    }

    /** Lets the others go on. */
    void giveBack() {
        if (request != null) {
            audio.abandonAudioFocusRequest(request);
            request = null;
        }
    }

    @Override
    public void onAudioFocusChange(int change) {
        if (change == AudioManager.AUDIOFOCUS_LOSS
                || change == AudioManager.AUDIOFOCUS_LOSS_TRANSIENT) {
            control.stop(Refusal.STREAM_LOST, "another app, or a call, took the audio focus");
        }
    }
}
