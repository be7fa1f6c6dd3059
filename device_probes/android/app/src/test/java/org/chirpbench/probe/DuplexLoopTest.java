package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.util.Random;
import org.junit.After;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;

/** The duplex loop over the real AudioTrack and AudioRecord classes: lag out = lag in, exactly. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34)
public class DuplexLoopTest {
    private static final TrialControl.Progress NOBODY =
            new TrialControl.Progress() {
                @Override
                public void emit(String stage, double fraction) {
                    throw new AssertionError("the audio thread must not send");
                }
            };

    private final TrialControl control = new TrialControl(NOBODY);
    private Air air;

    @After
    public void noAirLeft() {
        air.remove();
    }

    private static float[] noise(int frames) {
        Random random = new Random(7);
        float[] samples = new float[frames];
        for (int i = 0; i < frames; i++) {
            samples[i] = random.nextFloat() - 0.5f;
        }
        return samples;
    }

    private JavaLoop record(int delay, TrialRequest request, Mixer mixer) throws Refusal {
        air = new Air(delay, 1f, false).install();
        return loop(request, mixer);
    }

    private JavaLoop loop(TrialRequest request, Mixer mixer) throws Refusal {
        JavaStreams streams =
                new JavaStreams(
                        RuntimeEnvironment.getApplication(), request, new Routing.Route("default"));
        JavaLoop loop = new JavaLoop(streams, request, mixer, control, System.nanoTime());
        loop.run();
        streams.release();
        return loop;
    }

    private void lagIsExact(int delay, int rateHz, int channels, double warmupS) throws Refusal {
        TrialRequest request = new TrialRequest();
        request.rateHz = rateHz;
        request.inputChannels = channels;
        request.outputChannels = channels;
        request.warmupS = warmupS;
        request.durationS = 0.5;
        float[] stimulus = noise(1000);
        int at = 777;
        JavaLoop loop =
                record(delay, request, new Mixer(new float[][] {stimulus}, new long[] {at}));
        assertNull(loop.failure());
        assertEquals(rateHz / 2, loop.totalFrames());
        for (int frame = 0; frame < loop.totalFrames(); frame++) {
            int source = frame - at - delay;
            float expected = source >= 0 && source < 1000 ? stimulus[source] : 0f;
            for (int channel = 0; channel < channels; channel++) {
                String where = delay + " frames at " + rateHz + " Hz, frame " + frame;
                float got = loop.recording[frame * channels + channel];
                assertEquals(where, expected, got, 0f);
            }
        }
        air.remove();
    }

    @Test
    public void everyDelayRateAndBurstComesBackExactly() throws Refusal {
        for (int delay : new int[] {0, 1, 95, 480, 1111, 2500}) {
            for (int rateHz : new int[] {8000, 16000, 44100, 48000, 96000}) {
                lagIsExact(delay, rateHz, 1, 0.1); // a burst of 10 ms: 80 to 960 frames
            }
        }
    }

    @Test
    public void coldStartAndOddWarmUpShiftNothing() throws Refusal {
        lagIsExact(480, 48000, 1, 0);
        lagIsExact(480, 48000, 1, 0.0333);
        lagIsExact(1, 44100, 1, 1.00007);
    }

    @Test
    public void everyChannelCarriesTheSame() throws Refusal {
        lagIsExact(1234, 48000, 2, 0.05);
    }

    @Test
    public void aMicrophoneThatBeginsLateIsNotWaitedFor() throws Refusal {
        for (int late : new int[] {1, 480, 5000, 9601}) {
            air = new Air(100, 1f, false).install();
            air.beginsAt = late;
            TrialRequest request = new TrialRequest();
            request.durationS = 0.25;
            float[] stimulus = noise(12000);
            JavaLoop loop =
                    loop(request, new Mixer(new float[][] {stimulus}, new long[] {0}));
            assertNull(loop.failure());
            assertEquals(late, loop.filledFrames);
            for (int frame = 0; frame < loop.totalFrames(); frame++) {
                float expected = frame < Math.max(late, 100) ? 0f : stimulus[frame - 100];
                assertEquals(late + ", frame " + frame, expected, loop.recording[frame], 0f);
            }
            air.remove();
        }
    }

    @Test
    public void aMicrophoneThatNeverBeginsIsAStreamLost() throws Refusal {
        air = new Air(0, 1f, false).install();
        air.beginsAt = Long.MAX_VALUE;
        TrialRequest request = new TrialRequest();
        JavaLoop loop = loop(request, new Mixer(new float[0][], new long[0]));
        assertEquals(Refusal.STREAM_LOST, loop.failure().code);
        assertEquals("the microphone gives no frames", loop.failure().getMessage());
    }

    @Test
    public void overlappingPlaysAreAdded() throws Refusal {
        TrialRequest request = new TrialRequest();
        request.durationS = 0.2;
        float[] first = noise(600);
        float[] second = {0.25f, -0.25f};
        JavaLoop loop =
                record(
                        100,
                        request,
                        new Mixer(new float[][] {first, second}, new long[] {0, 9599}));
        assertEquals(first[0], loop.recording[100], 0f);
        loop = record(0, request, new Mixer(new float[][] {first, second}, new long[] {0, 50}));
        assertEquals(first[50] + 0.25f, loop.recording[50], 0f);
        assertEquals(first[51] - 0.25f, loop.recording[51], 0f);
        assertEquals(first[52], loop.recording[52], 0f);
    }

    @Test
    public void silenceIsMeasuredInFrames() throws Refusal {
        TrialRequest request = new TrialRequest();
        request.durationS = 0.1;
        request.inputChannels = 2;
        float[] click = {0.5f};
        JavaLoop loop =
                record(1000, request, new Mixer(new float[][] {click}, new long[] {2000}));
        Recording.Floats samples = new Recording.Floats(loop.recording, 2, loop.totalFrames());
        assertEquals(3000, samples.longestZeroRun());
        assertTrue(loop.firstInputNs >= loop.startedNs);
        assertTrue(loop.firstNonzeroNs >= loop.firstInputNs);
    }

    @Test
    public void everyLoopIsInTheHistogram() throws Refusal {
        TrialRequest request = new TrialRequest();
        request.durationS = 0.5;
        JavaLoop loop = record(0, request, new Mixer(new float[0][], new long[0]));
        long counted = 0;
        for (long count : loop.histogram) {
            counted += count;
        }
        assertEquals(50, loop.callbacks);
        assertEquals(49, counted);
    }

    @Test
    public void aDeadInputIsAStreamLost() throws Refusal {
        air = new Air(0, 1f, false).install();
        air.breaksAt = 9600;
        JavaLoop loop = loop(new TrialRequest(), new Mixer(new float[0][], new long[0]));
        assertEquals(Refusal.STREAM_LOST, loop.failure().code);
        assertFalse(control.isStopped());
    }
}
