// A synthetic load of the processor: each worker computes for a share of the time.

/** `share` (0 to 1) of one core on each of `threads`, until `end()`. */
export class Load {
  #workers = [];

  constructor(share, threads) {
    if (!(share > 0)) return;
    for (let n = 0; n < threads; n += 1) {
      const worker = new Worker(new URL("./burn.js", import.meta.url));
      worker.postMessage(share);
      this.#workers.push(worker);
    }
  }

  end() {
    for (const worker of this.#workers.splice(0)) worker.terminate();
  }
}
