// Strict JSON: what the host may send, and nothing else. JSON.parse would let a key come twice and
// would not tell 1 from 1.0.

import { MAX_JSON_DEPTH } from "./limits.js";

/** What a peer sent is not what the contract says; the message is one line. */
export class Malformed extends Error {}

/** A number that was written with a fraction or an exponent: no whole number. */
export class Real {
  constructor(value) {
    this.value = value;
  }
}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WORDS = { true: true, false: false, null: null };
const WORD = /true|false|null/y;
const MAX_DIGITS = 20;

/** The one JSON object that `text` is, as a Map; nested ones are Maps too. Throws Malformed. */
export function parse(text) {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.skip();
  if (parser.at !== text.length) throw new Malformed("header is no JSON");
  if (!(value instanceof Map)) throw new Malformed("header is no JSON object");
  return value;
}

/** `header` as Python's json.dumps writes it: ASCII, no spaces; throws on NaN and infinity. */
export function write(header) {
  const text = JSON.stringify(header, (key, value) => {
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new RangeError(`${key} is ${value}, which JSON cannot say`);
    }
    return value;
  });
  return text.replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  value(depth) {
    this.skip();
    const char = this.text[this.at];
    if (char === "{") return this.object(depth + 1);
    if (char === "[") return this.list(depth + 1);
    if (char === '"') return JSON.parse(this.match(STRING)[0]);
    if (char === "-" || (char >= "0" && char <= "9")) return this.number();
    return WORDS[this.match(WORD)[0]];
  }

  object(depth) {
    const found = new Map();
    this.items("{", "}", depth, () => {
      this.skip();
      const key = JSON.parse(this.match(STRING)[0]);
      this.skip();
      this.expect(":");
      if (found.has(key)) throw new Malformed("header names a key twice");
      found.set(key, this.value(depth));
    });
    return found;
  }

  list(depth) {
    const found = [];
    this.items("[", "]", depth, () => found.push(this.value(depth)));
    return found;
  }

  items(open, close, depth, item) {
    if (depth > MAX_JSON_DEPTH) {
      throw new Malformed(`header is nested deeper than ${MAX_JSON_DEPTH}`);
    }
    this.expect(open);
    this.skip();
    if (this.text[this.at] === close) {
      this.at += 1;
      return;
    }
    for (;;) {
      item();
      this.skip();
      if (this.text[this.at] !== ",") break;
      this.at += 1;
    }
    this.expect(close);
  }

  number() {
    const [digits, fraction, exponent] = this.match(NUMBER);
    const value = Number(digits);
    const whole = !fraction && !exponent;
    if (!Number.isFinite(value) || (whole && digits.length > MAX_DIGITS)) {
      throw new Malformed("header holds a number out of range");
    }
    return whole ? value : new Real(value);
  }

  skip() {
    this.match(SPACE);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) throw new Malformed("header is no JSON");
    this.at = pattern.lastIndex;
    return found;
  }

  expect(char) {
    if (this.text[this.at] !== char) throw new Malformed("header is no JSON");
    this.at += 1;
  }
}
