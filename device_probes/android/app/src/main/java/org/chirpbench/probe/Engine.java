package org.chirpbench.probe;

import android.media.AudioDeviceInfo;

/**
 * One way to play and record on one timeline. Calls in this order: open, attachEffects by the
 * caller, begin, then watch until it is done, stop, report, recording; close always, at the end or
 * after a failure.
 */
interface Engine {
    /** {@code aaudio} or {@code java}. */
    String api();

    /** Opens both streams and starts neither. */
    void open(TrialRequest request, Routing.Route route) throws Refusal;

    /** Rate of the open output in Hz. */
    int outputRateHz();

    /** Rate of the open input in Hz. */
    int inputRateHz();

    /** Channels of the open input. */
    int inputChannels();

    /** Session id of the capture stream; 0 and less when there is none to attach effects to. */
    int captureSession();

    /** Whether effects can be attached to {@link #captureSession}. */
    boolean hasSession();

    /** Takes memory and starts both streams. */
    void begin(Mixer plays) throws Refusal;

    /** Tells {@code control} how far it is, and looks at timestamps; several times a second. */
    void tick(TrialControl control) throws Refusal;

    /** Waits at most {@code ms}; whether the recording is complete. Throws what ended it early. */
    boolean await(long ms, TrialControl control) throws Refusal;

    /** Changes while the streams move; when it stands still they are stuck. */
    long movement();

    /** Whether the warm-up is still going on, in which the movement may not be visible. */
    boolean isWarming();

    /** Frames of the recording so far, about. */
    long recordedFrames();

    /** Takes the running streams to other devices; null leaves a direction alone. */
    void move(Routing.Route route) throws Refusal;

    /** What the output plays through now; null when the system does not say. */
    AudioDeviceInfo outputDevice();

    /** What the input listens to now; null when the system does not say. */
    AudioDeviceInfo inputDevice();

    /** From any thread: ends what waits in the system, so that the trial can end. */
    void abort();

    /** Stops both streams; nothing is written to the recording any more. */
    void stop();

    /** Puts granted values and all counters into {@code report}; after {@link #stop}. */
    void report(Report report);

    /** The samples, which outlive {@link #close} until they are closed themselves. */
    Recording recording();

    /** Closes both streams. Never throws. */
    void close();
}
