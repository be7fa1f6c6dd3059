// Strict reading of JSON values: a reader turns one value into a typed one or throws Malformed.

import { Malformed, Real } from "./json.js";

const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;
const WORD = /^[a-z0-9][a-z0-9_.:-]*$/;

/** `text` with every code point that could do harm replaced by U+FFFD. */
export function clean(text) {
  return text.replace(UNSAFE, "\ufffd");
}

/** `text` cleaned and cut to `limit` code points. */
export function cut(text, limit) {
  return [...clean(String(text))].slice(0, limit).join("");
}

/** One object whose keys are read one by one; `end` refuses the keys left over. */
export class Fields {
  constructor(value, where) {
    if (!(value instanceof Map)) throw new Malformed(`${where} is no object`);
    this.left = new Map(value);
    this.where = where;
  }

  get(key, read) {
    if (!this.left.has(key)) throw new Malformed(`${this.where}.${key} is missing`);
    return this.#read(key, read);
  }

  /** As `get`; null when the key is absent or null. */
  opt(key, read) {
    const value = this.left.get(key) ?? null;
    if (value !== null) return this.#read(key, read);
    this.left.delete(key);
    return null;
  }

  end() {
    for (const key of this.left.keys()) {
      throw new Malformed(`${this.where} has an unknown key '${cut(key, 40)}'`);
    }
  }

  #read(key, read) {
    const value = this.left.get(key);
    this.left.delete(key);
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new Malformed(`${this.where}.${key} ${error.message}`);
    }
  }
}

export function text(limit, least = 0) {
  return (value) => {
    if (typeof value !== "string") throw new Malformed("is no text");
    const size = [...value].length;
    if (size < least || size > limit) throw new Malformed(`has ${size} characters`);
    return clean(value);
  };
}

export function word(value) {
  const name = text(64, 1)(value);
  if (!WORD.test(name)) throw new Malformed("is no lower_snake_case name");
  return name;
}

export function integer(low, high) {
  return (value) => {
    if (typeof value !== "number") throw new Malformed("is no whole number");
    if (value < low || value > high) throw new Malformed(`is not within ${low} to ${high}`);
    return value;
  };
}

export function number(low, high) {
  return (value) => {
    const plain = value instanceof Real ? value.value : value;
    if (typeof plain !== "number") throw new Malformed("is no number");
    if (!(plain >= low && plain <= high)) throw new Malformed(`is not within ${low} to ${high}`);
    return plain;
  };
}

export function boolean(value) {
  if (typeof value !== "boolean") throw new Malformed("is neither true nor false");
  return value;
}

export function choice(...allowed) {
  return (value) => {
    if (!allowed.includes(value)) throw new Malformed(`is not one of ${allowed.join(", ")}`);
    return value;
  };
}

export function list(read, limit) {
  return (value) => {
    if (!Array.isArray(value)) throw new Malformed("is no list");
    if (value.length > limit) throw new Malformed(`has ${value.length} entries`);
    return value.map(read);
  };
}
