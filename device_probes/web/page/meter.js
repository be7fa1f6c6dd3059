// The live level: a strip of the last seconds, and a number.

const FLOOR_DB = -60;
const BAR_PX = 4;
const GAP_PX = 2;
const HELD = 30; // levels, two seconds: pauses between chirps are no silent microphone

/** Level of a peak (0 to 1) in dB below full scale; the floor for silence. */
export function decibels(peak) {
  return peak > 0 ? Math.max(FLOOR_DB, 20 * Math.log10(peak)) : FLOOR_DB;
}

/** Draws on `canvas`, writes into `label`; both are of an element with role "meter". */
export class Meter {
  #levels = [];
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor({ box, canvas, label }) {
    Object.assign(this, { box, canvas, label });
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.clear();
  }

  show(peak) {
    const level = decibels(peak);
    this.#levels.push(level);
    if (this.#levels.length > 400) this.#levels.shift();
    const held = Math.max(...this.#levels.slice(-HELD));
    const text = held <= FLOOR_DB ? "silent" : `${Math.round(held)} dB`;
    this.label.textContent = text.replace("-", "−");
    this.box.setAttribute("aria-valuenow", String(Math.round(held)));
    this.box.setAttribute("aria-valuetext", text);
    this.#draw();
  }

  clear() {
    this.#levels = [];
    this.label.textContent = "–";
    this.box.setAttribute("aria-valuenow", String(FLOOR_DB));
    this.box.setAttribute("aria-valuetext", "not recording");
    this.#draw();
  }

  #draw() {
    const { canvas } = this;
    const scale = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const count = Math.floor((width + GAP_PX) / (BAR_PX + GAP_PX));
    // A strip that does not move: for people whom motion makes ill, only the newest level.
    const shown = this.#calm.matches ? Array(count).fill(this.#levels.at(-1)) : this.#levels;
    for (let n = 0; n < count; n += 1) {
      const level = shown[shown.length - count + n] ?? FLOOR_DB;
      const share = Math.max(0, 1 - level / FLOOR_DB);
      pen.fillStyle = style.getPropertyValue(share > 0 ? colour(level) : "--rest");
      const tall = Math.max(BAR_PX, share * height);
      const left = n * (BAR_PX + GAP_PX);
      pen.beginPath();
      const box = [left, (height - tall) / 2, BAR_PX, tall];
      if (pen.roundRect) pen.roundRect(...box, BAR_PX / 2);
      else pen.rect(...box);
      pen.fill();
    }
  }
}

function colour(level) {
  return level > -1 ? "--hot" : "--accent";
}
