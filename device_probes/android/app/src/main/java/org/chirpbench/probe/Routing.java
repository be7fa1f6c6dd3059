package org.chirpbench.probe;

import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.media.AudioDeviceInfo;
import android.media.AudioManager;
import android.os.Build;
import java.util.List;

/** Which loudspeaker and microphone a trial uses, and how the system is told. */
final class Routing {
    private static final long SWITCH_MS = 3000;
    private static final long BLUETOOTH_MS = 6000;
    /** The audio server follows a moment later; a stream opened before is taken away then. */
    private static final long SETTLE_MS = 300;

    private final Context context;
    private final AudioManager audio;
    private final Journal journal;

    /** How a route is asked for. */
    static final class Route {
        /** The contract's word. */
        final String word;
        /** To be set on the output stream; null: the system chooses it without being told. */
        AudioDeviceInfo output;
        /** To be set on the input stream; null as above. */
        AudioDeviceInfo input;
        /** To be set for calls; null: none, or (below API 31) by {@link #legacy}. */
        AudioDeviceInfo communication;
        /** Below API 31: speakerphone or SCO are to be switched. */
        boolean legacy;

        Route(String word) {
            this.word = word;
        }
    }

    Routing(Context context, AudioManager audio, Journal journal) {
        this.context = context;
        this.audio = audio;
        this.journal = journal;
    }

    /** How to reach the route of {@code r}; refuses with what is there when it is not. */
    Route find(TrialRequest r) throws Refusal {
        Route route = new Route(r.route);
        if (r.route.equals(TrialRequest.DEFAULT)) {
            return route;
        }
        List<AudioDeviceInfo> outputs = Devices.all(audio, true);
        AudioDeviceInfo output = output(r.route, r.isCommunication(), outputs);
        if (r.isCommunication()) {
            findForCalls(route);
        } else {
            findForMedia(route, output, outputs);
            if (r.isVoiceUsage()) {
                route.output = output; // outside of a call, voice goes to the earpiece
            }
        }
        return route;
    }

    /** How streams that run get to the route {@code word}: every device is said. */
    Route findForMove(TrialRequest r, String word) throws Refusal {
        Route route = new Route(word);
        List<AudioDeviceInfo> outputs = Devices.all(audio, true);
        AudioDeviceInfo output = output(word, r.isCommunication(), outputs);
        if (r.isCommunication()) {
            findForCalls(route);
            return route;
        }
        boolean builtIn = word.equals("earpiece") || word.equals("speaker");
        route.output = output;
        route.input = Devices.find(Devices.all(audio, false), builtIn ? "builtin_mic" : word);
        return route;
    }

    private static AudioDeviceInfo output(
            String word, boolean communication, List<AudioDeviceInfo> outputs) throws Refusal {
        boolean known =
                TrialRequest.isBluetooth(word)
                        || word.equals("speaker")
                        || word.equals("earpiece")
                        || word.equals("wired")
                        || word.equals("usb");
        if (TrialRequest.isBluetooth(word) && !communication) {
            // Media goes another way (A2DP), and without a call Android 14 does not switch before
            // the app plays.
            throw Refusal.unsupported(
                    "the route " + word + " is one of calls: ask for audio_mode communication");
        }
        AudioDeviceInfo output = known ? Devices.find(outputs, word) : null;
        if (output == null) {
            throw missing(word, outputs);
        }
        return output;
    }

    private void findForCalls(Route route) throws Refusal {
        if (Build.VERSION.SDK_INT >= 31) {
            List<AudioDeviceInfo> devices = Api31.communicationDevices(audio);
            route.communication = Devices.find(devices, route.word);
            if (route.communication == null) {
                throw missing(route.word + " for calls", devices);
            }
        } else if (route.word.equals("bluetooth_le")) {
            throw Refusal.unsupported("Bluetooth LE audio needs Android 12");
        } else {
            route.legacy = true;
        }
    }

    /** A preferred device can cost the fast path, so it is set only where the system errs. */
    private void findForMedia(
            Route route, AudioDeviceInfo output, List<AudioDeviceInfo> outputs) {
        boolean handset = route.word.equals("earpiece");
        if (handset || Devices.isRivalled(outputs, route.word)) {
            route.output = output;
        }
        List<AudioDeviceInfo> inputs = Devices.all(audio, false);
        boolean builtIn = handset || route.word.equals("speaker");
        String word = builtIn ? "builtin_mic" : route.word;
        if (Devices.isRivalled(inputs, word)) {
            route.input = Devices.find(inputs, word); // headphones have no microphone: null
        }
    }

    private static Refusal missing(String route, List<AudioDeviceInfo> there) {
        return Refusal.unsupported(
                "the phone has no route " + route + " now; there are: " + Devices.words(there));
    }

    /** Switches the system; refuses with open_failed when it does not follow in time. */
    void use(Route route, TrialControl control) throws Refusal {
        if (route.communication != null && Build.VERSION.SDK_INT >= 31) {
            journal.note(Journal.COMMUNICATION_DEVICE, route.communication.getType());
            if (!Api31.setCommunicationDevice(audio, route.communication)) {
                throw refusedBySystem(route.word);
            }
            waitForCommunication(route, control);
        } else if (route.legacy && route.word.equals("bluetooth_sco")) {
            journal.note(Journal.BLUETOOTH_SCO, 1);
            audio.startBluetoothSco();
            waitForSco(control);
        } else if (route.legacy) {
            if (journal.has(Journal.BLUETOOTH_SCO)) {
                audio.stopBluetoothSco(); // in mid-trial: a headset wins over the speakerphone
            }
            journal.note(Journal.SPEAKERPHONE, audio.isSpeakerphoneOn() ? 1 : 0);
            boolean speaker = route.word.equals("speaker");
            if (audio.isSpeakerphoneOn() != speaker) {
                audio.setSpeakerphoneOn(speaker);
                control.sleep(SETTLE_MS);
            }
        }
    }

    private void waitForCommunication(Route route, TrialControl control) throws Refusal {
        long limitMs = route.word.startsWith("bluetooth") ? BLUETOOTH_MS : SWITCH_MS;
        for (long waited = 0; waited < limitMs; waited += 50) {
            AudioDeviceInfo now = Api31.communicationDevice(audio);
            if (now != null && now.getId() == route.communication.getId()) {
                return;
            }
            control.sleep(50);
        }
        throw refusedBySystem(route.word);
    }

    private void waitForSco(TrialControl control) throws Refusal {
        IntentFilter filter = new IntentFilter(AudioManager.ACTION_SCO_AUDIO_STATE_UPDATED);
        for (long waited = 0; waited < BLUETOOTH_MS; waited += 50) {
            Intent state = context.registerReceiver(null, filter); // sticky
            if (state != null
                    && state.getIntExtra(AudioManager.EXTRA_SCO_AUDIO_STATE, -1)
                            == AudioManager.SCO_AUDIO_STATE_CONNECTED) {
                return;
            }
            control.sleep(50);
        }
        throw refusedBySystem("bluetooth_sco");
    }

    private static Refusal refusedBySystem(String route) {
        return new Refusal(Refusal.OPEN_FAILED, "the system did not switch to " + route);
    }

    /** Puts what calls use into {@code report}. */
    void observe(Report report) {
        if (Build.VERSION.SDK_INT >= 31) {
            report.observe(
                    "communication_device", Devices.describe(Api31.communicationDevice(audio)));
        } else {
            report.observe("speakerphone", audio.isSpeakerphoneOn());
        }
    }

    /** After acts: back to where the trial began, as far as the system follows. */
    void comeBack(Route began) {
        TrialControl nobody = new TrialControl(null);
        try {
            if (began.communication == null && Build.VERSION.SDK_INT >= 31) {
                Api31.clearCommunicationDevice(audio);
                nobody.sleep(SETTLE_MS);
            }
            use(began, nobody);
        } catch (Refusal e) {
            android.util.Log.w("chirpbench", "not back on " + began.word, e);
        }
    }

    /** After a crash: asks again for what the journal says had been asked for. */
    void takeUpAgain() {
        int type = journal.get(Journal.COMMUNICATION_DEVICE, -1);
        if (type < 0 || Build.VERSION.SDK_INT < 31) {
            return;
        }
        AudioDeviceInfo device =
                Devices.find(Api31.communicationDevices(audio), Devices.word(type));
        if (device != null) {
            Api31.setCommunicationDevice(audio, device);
        }
    }

    /** Gives back what the journal says was switched. */
    void restore() {
        if (journal.has(Journal.COMMUNICATION_DEVICE) && Build.VERSION.SDK_INT >= 31) {
            Api31.clearCommunicationDevice(audio);
        }
        if (journal.has(Journal.BLUETOOTH_SCO)) {
            audio.stopBluetoothSco();
        }
        if (journal.has(Journal.SPEAKERPHONE)) {
            audio.setSpeakerphoneOn(journal.get(Journal.SPEAKERPHONE, 0) == 1);
        }
    }
}
