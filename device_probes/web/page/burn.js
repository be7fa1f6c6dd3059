// A worker that computes for `share` of every 20 ms.

const PERIOD_MS = 20;

self.onmessage = ({ data: share }) => {
  const turn = () => {
    const from_ms = performance.now();
    while (performance.now() - from_ms < share * PERIOD_MS);
    // A timer would not wait for less than 4 ms, and a full load leaves none.
    const rest_ms = PERIOD_MS - (performance.now() - from_ms);
    if (rest_ms >= 4) setTimeout(turn, rest_ms);
    else channel.port2.postMessage(null);
  };
  const channel = new MessageChannel();
  channel.port1.onmessage = turn;
  turn();
};
