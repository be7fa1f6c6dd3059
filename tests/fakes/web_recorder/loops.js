// Loops of known length inside the browser's own graph, for the recorder alone and for a session.

const RECORDER = {
  numberOfInputs: 2, // the second one is given nothing
  outputChannelCount: [1],
  channelCount: 1,
  channelCountMode: "explicit",
  channelInterpretation: "discrete",
};

/**
 * What a recorder plays through a DelayNode of `delay_frames` and back: into its own input
 * (`own`), or into that of another recorder beside it. Rendered offline; `samples` are played.
 */
export async function recorderLoop({ samples, delay_frames, warmup_frames, frames, rate_hz, own }) {
  const length = warmup_frames + frames + 256;
  const context = new OfflineAudioContext({ numberOfChannels: 1, length, sampleRate: rate_hz });
  await context.audioWorklet.addModule("/page/recorder.js");
  const player = new AudioWorkletNode(context, "chirpbench-recorder", RECORDER);
  const hearer = own ? player : new AudioWorkletNode(context, "chirpbench-recorder", RECORDER);
  const delay = new DelayNode(context, { maxDelayTime: 1, delayTime: delay_frames / rate_hz });
  player.connect(delay).connect(hearer, 0, 0);
  player.connect(context.destination);
  if (!own) hearer.connect(new GainNode(context, { gain: 0 })).connect(context.destination);
  const nodes = own ? [player] : [player, hearer];
  const runs = await Promise.all(
    nodes.map((node) => arm(node, { samples, frames, warmup_frames })),
  );
  const rendered = await context.startRendering();
  const { done, zero } = runs.at(-1);
  const { recording, skipped, missing, histogram } = await done;
  return {
    heard: [...recording.filter((_, n) => n % 2 === 0)],
    other: [...recording.filter((_, n) => n % 2 === 1)],
    played: [...rendered.getChannelData(0)],
    zero,
    skipped,
    missing,
    blocks: histogram.reduce((sum, [, count]) => sum + count, 0),
  };
}

function arm(node, { samples, frames, warmup_frames }) {
  const output = new Float32Array(frames);
  output.set(samples);
  const recording = new Float32Array(2 * frames);
  const zero = [];
  return new Promise((armed) => {
    const done = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => {
        if (data.type === "armed") armed({ done, zero });
        else if (data.type === "zero") zero.push(data.frame);
        else if (data.type === "done") resolve(data);
      };
    });
    node.port.postMessage({ type: "arm", output, recording, frames, warmup_frames, channels: 1 });
  });
}

/**
 * Frames that the browser itself needs for a loop through a DelayNode of `delay_frames`, with a
 * GainNode where the recorder would be: browsers differ by one block.
 */
export async function nativeLoop({ delay_frames, rate_hz }) {
  const length = 2 * delay_frames + 1024;
  const context = new OfflineAudioContext({ numberOfChannels: 1, length, sampleRate: rate_hz });
  const buffer = new AudioBuffer({ length: 1, sampleRate: rate_hz });
  buffer.getChannelData(0)[0] = 1;
  const source = new AudioBufferSourceNode(context, { buffer });
  const through = new GainNode(context);
  const delay = new DelayNode(context, { maxDelayTime: 1, delayTime: delay_frames / rate_hz });
  source.connect(through).connect(context.destination);
  through.connect(delay).connect(through);
  source.start();
  const rendered = (await context.startRendering()).getChannelData(0);
  return rendered.findIndex((value, frame) => frame > 0 && value > 0.5);
}

/** A session that records two streams of known content beside each other. */
export async function twoStreams(request) {
  const { openSession } = await import("/page/session.js");
  const context = new AudioContext({ sampleRate: 48000 });
  const streams = [0.25, 0.5].map((offset) => {
    const source = new ConstantSourceNode(context, { offset });
    const target = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    source.connect(target);
    source.start();
    return target.stream;
  });
  const plays = [];
  const session = await openSession({ request, rate_hz: request.rate_hz, plays, streams });
  try {
    const { report, samples } = await session.record();
    return { report, samples: [...samples] };
  } finally {
    await session.close();
    await context.close();
  }
}
