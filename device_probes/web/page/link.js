// The WebSocket to the bench: bytes of the contract, status for people, and coming back after a
// loss.

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
const QUIET_MS = 100; // between two statuses: 20 a second are allowed
const MAX_BUFFERED_BYTES = 4 * 2 ** 20;
const LOOK_MS = 10;
const HANG_UP = 3000; // ours: one connection is one session of the contract
const PLANNED = [HANG_UP, 1012]; // 1012: the bench's, for the same reason
const FINAL = { 4000: "finished", 4001: "another_tab", 4003: "not_allowed" };

/**
 * `on` has `open()`, `bytes(Uint8Array)`, `say(text)`, `closed()` and `state(word)`: `online`,
 * `lost`, `finished`, `another_tab`, `not_allowed`.
 */
export class Link {
  #socket = null;
  #failures = 0;
  #timer = null;
  #status = null;
  #told = "";
  #telling = null;

  constructor(url, on) {
    this.url = url;
    this.on = on;
    globalThis.addEventListener?.("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => this.#hurry());
  }

  /** Connects, and again whenever the connection is lost. */
  connect() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    const socket = new WebSocket(this.url, "chirpbench");
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = ({ code }) => this.#socket === socket && this.#closed(code);
  }

  send(bytes) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  /** Resolves when there is room for more, or nobody to send to. */
  async drained() {
    const socket = this.#socket;
    while (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Tells the bench how the page is; the newest counts. */
  tell(status) {
    this.#status = JSON.stringify(status);
    this.#telling ??= setTimeout(() => this.#tellNow(), QUIET_MS);
  }

  /** This session is over; the next one begins at once. */
  hangUp() {
    this.#socket?.close(HANG_UP);
    this.#closed(HANG_UP);
  }

  #opened() {
    this.#failures = 0;
    this.#told = "";
    this.on.open();
    this.on.state("online");
    this.#tellNow();
  }

  #tellNow() {
    clearTimeout(this.#telling);
    this.#telling = null;
    if (this.#status === this.#told || this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#told = this.#status;
    this.#socket.send(this.#status);
  }

  #heard(data) {
    if (data instanceof ArrayBuffer) return this.on.bytes(new Uint8Array(data));
    try {
      const { say } = JSON.parse(data);
      if (typeof say === "string") this.on.say(say.slice(0, 200));
    } catch {
      // a line for people that nobody can read is no reason to stop
    }
  }

  #closed(code) {
    this.#socket = null;
    this.on.closed();
    if (FINAL[code]) return this.on.state(FINAL[code]);
    if (!PLANNED.includes(code)) this.#failures += 1;
    if (this.#failures) this.on.state("lost");
    const wait_ms = FIRST_WAIT_MS * 2 ** Math.min(this.#failures, 10);
    this.#timer = setTimeout(() => this.connect(), Math.min(wait_ms, LONGEST_WAIT_MS));
  }

  #hurry() {
    if (this.#timer !== null && document.visibilityState === "visible") this.connect();
  }
}
