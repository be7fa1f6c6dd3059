// Why a trial was not done, and waiting that ends.

/** Understood, and not done; `code` is one of the contract's. */
export class Refusal extends Error {
  constructor(code, text, { granted_rate_hz = null, state = "" } = {}) {
    super(text);
    this.code = code;
    this.granted_rate_hz = granted_rate_hz;
    this.state = state; // the page's state that this leads to, when it does
  }
}

/**
 * `promise`, but it throws `error()` after `ms`, or what `signal` was aborted with. What arrives
 * too late is given to `late`, so that nothing stays open.
 */
export function within(promise, ms, error, { signal = null, late = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    let over = false;
    const end = (settle) => (value) => {
      if (over) return settle === resolve && late(value);
      over = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      return settle(value);
    };
    const fail = end(reject);
    const stop = () => fail(signal.reason);
    const timer = setTimeout(() => fail(error()), ms);
    promise.then(end(resolve), fail);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop);
  });
}
