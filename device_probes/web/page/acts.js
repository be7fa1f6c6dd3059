// What the host wants done to the path of a running trial, one after another.

import { cut } from "./fields.js";
import { MAX_ACTS } from "./limits.js";
import { Refusal } from "./refusal.js";

/** The acts of one trial; `observed` tells what became of them. */
export class Acts {
  observed = {};
  #switch = null; // async (route) => {granted, at_ms, took_ms}
  #open = null;
  #ready = new Promise((resolve) => {
    this.#open = resolve;
  });
  #queue = this.#ready;
  #taken = 0;
  #over = false;

  /** The streams are open: from now on acts are done by `how(route)`. */
  begin(how) {
    this.#switch = how;
    this.#open();
  }

  /** Has an act done, without waiting for it. */
  take({ action, value }) {
    if (this.#over) return;
    if (action !== "route") this.#count("acts_unknown");
    else if (this.#taken >= MAX_ACTS) this.#count("acts_ignored");
    else {
      this.#taken += 1;
      const number = this.#taken;
      this.#queue = this.#queue.then(() => this.#do(number, value));
    }
  }

  /** No act is done any more. */
  end() {
    this.#over = true;
    this.#open();
  }

  async #do(number, value) {
    const name = `route_${number}`;
    if (this.#over || !this.#switch) {
      this.observed[name] = "refused: the trial was over";
      return;
    }
    try {
      const { granted, at_ms, took_ms } = await this.#switch(value);
      this.observed[name] = cut(granted, 128);
      if (at_ms !== null) this.observed[`${name}_ms`] = at_ms.toFixed(1);
      this.observed[`${name}_took_ms`] = took_ms.toFixed(1);
    } catch (error) {
      const kind = error instanceof Refusal ? "refused" : "failed";
      this.observed[name] = cut(`${kind}: ${error.message}`, 128);
    }
  }

  #count(name) {
    this.observed[name] = String(Number(this.observed[name] ?? 0) + 1);
  }
}
