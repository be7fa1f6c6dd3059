// The page's elements. Every text is set as text, never as HTML.

import { Meter } from "./meter.js";
import { card } from "./words.js";

const MAX_ROWS = 200;
const LINKS = {
  connecting: "Connecting…",
  online: "Connected",
  lost: "Not connected",
  finished: "Finished",
  another_tab: "Not connected",
  not_allowed: "Not connected",
};
const STAGES = { opening: "Opening", warming: "Warming up", playing: "Recording" };
const CIRCLE = 2 * Math.PI * 54; // of the ring in index.html

/** Shows what the app is at. */
export class View {
  #state = "";
  #count = 0;

  constructor() {
    const at = (id) => document.getElementById(id);
    const ids = [
      "card", "dial", "done", "list", "link", "notice", "percent", "ring", "say", "start", "steps",
      "tally", "text", "title", "who",
    ];
    for (const id of ids) this[id] = at(id);
    this.meter = new Meter({ box: at("meter"), canvas: at("strip"), label: at("level") });
    this.ring.style.strokeDasharray = String(CIRCLE);
    this.#turn(0);
  }

  /** `pressed()` is called when the one button is. */
  onPress(pressed) {
    this.start.addEventListener("click", pressed);
  }

  browser(who) {
    this.who.textContent = `${who.device} · ${who.browser} ${who.version.split(".")[0]}`;
  }

  connection(state) {
    this.link.textContent = LINKS[state];
    this.link.dataset.state = state;
  }

  state(state, who) {
    if (state === this.#state) return;
    this.#state = state;
    const { action, steps, text, title, tone } = card(state, who);
    document.documentElement.dataset.state = state;
    this.card.dataset.tone = tone;
    this.title.textContent = title;
    this.text.textContent = text;
    this.steps.replaceChildren(...steps.map((step) => item("li", step)));
    this.steps.hidden = !steps.length;
    this.start.textContent = action;
    this.start.hidden = !action;
    document.title = `${title} – chirpbench`;
    if (state !== "measuring") this.#idle();
  }

  /** The line that the bench says. */
  line(text) {
    this.say.textContent = text;
    this.say.hidden = !text;
  }

  progress(stage, fraction) {
    const percent = stage === "playing" ? Math.floor(100 * fraction) : 0;
    this.percent.textContent = stage === "playing" ? `${percent} %` : "";
    this.title.textContent = STAGES[stage] ?? "Measuring";
    this.dial.setAttribute("aria-valuenow", String(percent));
    this.dial.setAttribute("aria-valuetext", `${STAGES[stage] ?? stage} ${percent} %`);
    this.#turn(percent / 100);
  }

  /** One more row of what was done; `kind`: `good`, `plain` or `bad`. */
  row(kind, name, text) {
    this.#count += kind === "good" ? 1 : 0;
    const row = item("li", "");
    row.dataset.kind = kind;
    row.append(item("span", name), item("small", text));
    this.list.prepend(row);
    while (this.list.children.length > MAX_ROWS) this.list.lastChild.remove();
    const many = this.#count === 1 ? "recording" : "recordings";
    this.tally.textContent = `${this.#count} ${many}`;
    this.done.hidden = false;
  }

  /** A line about the last trial; "" when there is nothing to say. */
  notify(text) {
    this.notice.textContent = text;
    this.notice.hidden = !text;
  }

  #idle() {
    this.percent.textContent = "";
    this.dial.removeAttribute("aria-valuenow");
    this.dial.removeAttribute("aria-valuetext");
    this.#turn(0);
    this.meter.clear();
  }

  #turn(share) {
    this.ring.style.strokeDashoffset = String(CIRCLE * (1 - share));
  }
}

function item(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
