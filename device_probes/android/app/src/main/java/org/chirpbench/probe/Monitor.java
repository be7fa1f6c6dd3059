package org.chirpbench.probe;

import android.media.AudioDeviceInfo;
import android.media.AudioManager;
import android.media.AudioRecordingConfiguration;
import android.os.Build;
import java.util.List;

/** Watches, while a trial runs, what the system does to it. */
final class Monitor {
    private static final long EVERY_NS = 300000000L;

    private final AudioManager audio;
    private final Engine engine;
    private final Effects effects;
    private String outputDevice;
    private String inputDevice;
    private int firstMode = AudioManager.MODE_INVALID;
    private int lastMode = AudioManager.MODE_INVALID;
    private Boolean silenced;
    private int otherClients;
    private AudioRecordingConfiguration last;
    private boolean playing;
    private volatile boolean mayMove;
    private String lastOutput;
    private String lastInput;
    private long nextNs;

    Monitor(AudioManager audio, Engine engine, Effects effects) {
        this.audio = audio;
        this.engine = engine;
        this.effects = effects;
    }

    /** Looks now and then; ends the trial when its device was exchanged under it. */
    void tick(TrialControl control) throws Refusal {
        long now = System.nanoTime();
        if (now < nextNs) {
            return;
        }
        nextNs = now + EVERY_NS;
        look();
        if (mayMove) {
            return;
        }
        if (playing) {
            moved("output", outputDevice, Devices.describe(engine.outputDevice()));
            moved("input", inputDevice, Devices.describe(engine.inputDevice()));
        } else {
            outputDevice = Devices.describe(engine.outputDevice());
            inputDevice = Devices.describe(engine.inputDevice());
            playing = outputDevice != null && !engine.isWarming();
        }
    }

    /** The host is about to move the streams itself: that is no fault any more. */
    void letMove() {
        mayMove = true;
    }

    private static void moved(String direction, String before, String now) throws Refusal {
        if (before != null && now != null && !before.equals(now)) {
            throw new Refusal(
                    Refusal.STREAM_LOST,
                    "the " + direction + " moved from " + before + " to " + now);
        }
    }

    /** Once more at the end, while the streams still run: short trials have no other look. */
    void look() {
        lastMode = audio.getMode();
        firstMode = firstMode == AudioManager.MODE_INVALID ? lastMode : firstMode;
        List<AudioRecordingConfiguration> all = audio.getActiveRecordingConfigurations();
        AudioRecordingConfiguration own = null;
        for (AudioRecordingConfiguration one : all) {
            boolean same = one.getClientAudioSessionId() == engine.captureSession();
            if (same || own == null && all.size() == 1 && !engine.hasSession()) {
                own = one;
            }
        }
        otherClients = Math.max(otherClients, all.size() - (own == null ? 0 : 1));
        if (own != null) {
            last = own;
            if (Build.VERSION.SDK_INT >= 29) {
                silenced = Api29.isSilenced(own) || Boolean.TRUE.equals(silenced);
            }
        }
        lastOutput = Devices.describe(engine.outputDevice());
        lastInput = Devices.describe(engine.inputDevice());
        outputDevice = outputDevice == null ? lastOutput : outputDevice;
        inputDevice = inputDevice == null ? lastInput : inputDevice;
    }

    /** Puts everything seen into {@code report}. */
    void report(Report report) {
        report.put("input_silenced", silenced);
        report.observe("recording_clients", otherClients + (last == null ? 0 : 1));
        report.observe("other_recording_clients", otherClients);
        report.observe("output_device", outputDevice);
        report.observe("input_device", inputDevice);
        if (mayMove) {
            report.observe("output_device_at_end", lastOutput);
            report.observe("input_device_at_end", lastInput);
        }
        report.observe("session_id", engine.captureSession());
        if (lastMode != firstMode) {
            // Android 12 and later take the mode away from an app that they believe inactive, or
            // give it to another one, and tell nobody.
            report.observe("audio_mode_at_end", AudioSetup.word(lastMode));
            report.note("the system changed the audio mode while the trial ran");
        }
        if (last != null) {
            AudioDeviceInfo device = last.getAudioDevice();
            report.observe("recording_device", Devices.describe(device));
            report.observe("device_input_rate_hz", last.getFormat().getSampleRate());
            report.observe("device_input_channels", last.getFormat().getChannelCount());
            report.observe("recording_source", Words.preset(last.getClientAudioSource()));
        }
        effects.observe(last, report);
    }
}
