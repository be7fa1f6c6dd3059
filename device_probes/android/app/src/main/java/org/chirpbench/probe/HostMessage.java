package org.chirpbench.probe;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One message of the host, read strictly; only the fields of its type are set. */
final class HostMessage {
    /** {@code hello, facts, load, pcm, run, codec, cancel, act} or {@code bye}. */
    final String type;
    /** Of hello. */
    long protocol;
    /** Of hello; "" when it brings none. */
    String token = "";
    /** Of load. */
    Load load;
    /** Of pcm: place of the payload's first byte in the whole. */
    long offset;
    /** Of run. */
    Run run;
    /** Of codec. */
    CodecRequest codec;
    /** Of act. */
    String action;
    /** Of act. */
    String value;

    /** A stimulus that is about to arrive. */
    static final class Load {
        String stimulusId;
        int rateHz;
        int frames;
        long crc32;
    }

    /** One trial in a fresh stream. */
    static final class Run {
        TrialRequest request;
        /** Rate at which the plays were loaded. */
        int rateHz;
        List<Play> plays = new ArrayList<Play>();
    }

    /** A loaded stimulus and the output frame at which it begins. */
    static final class Play {
        final String stimulusId;
        final long atFrame;

        Play(String stimulusId, long atFrame) {
            this.stimulusId = stimulusId;
            this.atFrame = atFrame;
        }
    }

    private HostMessage(String type) {
        this.type = type;
    }

    /** The message of a header; throws {@link Malformed}. */
    static HostMessage read(Map<String, Object> header) throws Malformed {
        Fields f = new Fields(header, "message");
        HostMessage message = new HostMessage(f.text("type", 0, 64));
        switch (message.type) {
            case "hello":
                message.readHello(f);
                return message; // another version's hello may say more; it must stay readable
            case "load":
                message.load = readLoad(f);
                break;
            case "pcm":
                message.offset = f.integer("offset", 0, Limits.MAX_PCM_BYTES);
                break;
            case "run":
                message.run = readRun(f);
                break;
            case "codec":
                message.codec = CodecRequest.read(f);
                break;
            case "act":
                message.action = f.word("action");
                message.value = f.word("value");
                break;
            case "facts":
            case "cancel":
            case "bye":
                break;
            default:
                throw new Malformed("unknown message type '" + Texts.shown(message.type) + "'");
        }
        f.end();
        return message;
    }

    private void readHello(Fields f) throws Malformed {
        protocol = f.integer("protocol", 0, 1L << 31);
        f.text("version", 0, 64);
        if (!f.isNull("token")) {
            token = f.text("token", 0, 128);
        }
    }

    private static Load readLoad(Fields f) throws Malformed {
        Load load = new Load();
        load.stimulusId = f.text("stimulus_id", 1, 96);
        load.rateHz = (int) f.integer("rate_hz", Limits.MIN_RATE_HZ, Limits.MAX_RATE_HZ);
        load.frames = (int) f.integer("frames", 1, Limits.MAX_STIMULUS_BYTES / 4);
        load.crc32 = f.integer("crc32", 0, 0xffffffffL);
        return load;
    }

    private static Run readRun(Fields f) throws Malformed {
        Run run = new Run();
        run.request = TrialRequest.read(f.get("request"));
        run.rateHz = (int) f.integer("rate_hz", Limits.MIN_RATE_HZ, Limits.MAX_RATE_HZ);
        Set<String> stimuli = new HashSet<String>();
        for (Object value : f.list("plays", Limits.MAX_PLAYS)) {
            Fields p = new Fields(value, "plays");
            String stimulusId = p.text("stimulus_id", 1, 96);
            run.plays.add(
                    new Play(stimulusId, p.integer("at_frame", 0, Limits.MAX_PCM_BYTES)));
            stimuli.add(stimulusId);
            p.end();
        }
        if (stimuli.size() > Limits.MAX_STIMULI) {
            throw new Malformed(
                    "run plays more than " + Limits.MAX_STIMULI + " different stimuli");
        }
        return run;
    }
}
