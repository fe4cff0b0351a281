// A strict JSON reader for files of strangers. `JSON.parse` keeps the last of two equal keys, rounds integers above
// 2^53 and lets a key `__proto__` reach a prototype; here objects are Maps, and all three are refused with their place.
import { Failure } from "./failure.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/** No file this runtime reads nests deeper than a handful of levels. */
const MAX_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ["t", true],
  ["f", false],
  ["n", null],
]);

class Reader {
  readonly text: string;
  readonly name: string;
  at = 0;

  constructor(text: string, name: string) {
    this.text = text;
    this.name = name;
  }

  fail(what: string): never {
    throw new Failure("file", `${this.name}: ${what} (at character ${this.at})`);
  }

  /** Skips white space and returns the character code that follows, NaN at the end. */
  next(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.at++;
    }
  }

  expect(character: string): void {
    if (this.next() !== character.charCodeAt(0)) this.fail(`not valid JSON: \`${character}\` expected`);
    this.at++;
  }

  value(depth: number): Json {
    if (depth > MAX_DEPTH) this.fail(`nested more than ${MAX_DEPTH} levels deep`);
    const first = String.fromCharCode(this.next());
    if (first === "{") return this.object(depth);
    if (first === "[") return this.array(depth);
    if (first === '"') return this.string();
    const word = WORDS.get(first);
    return word === undefined ? this.number() : this.word(word);
  }

  word(value: Json): Json {
    const spelling = String(value);
    if (!this.text.startsWith(spelling, this.at)) this.fail("not valid JSON");
    this.at += spelling.length;
    return value;
  }

  number(): number {
    NUMBER.lastIndex = this.at;
    const spelling = NUMBER.exec(this.text)?.[0];
    if (spelling === undefined) this.fail("not valid JSON: a value expected");
    const value = Number(spelling);
    if (!Number.isFinite(value)) this.fail(`the number ${spelling} is too large`);
    if (!/[.eE]/.test(spelling) && !Number.isSafeInteger(value)) this.fail(`the integer ${spelling} is above 2^53 - 1`);
    this.at += spelling.length;
    return value;
  }

  string(): string {
    const start = this.at;
    let end = start + 1;
    let plain = true;
    for (; ; end++) {
      const code = this.text.charCodeAt(end);
      if (Number.isNaN(code)) this.fail("not valid JSON: a text without an end");
      if (code === 0x22) break;
      if (code < 0x20) this.fail("not valid JSON: a control character within a text");
      if (code === 0x5c) {
        plain = false;
        end++;
      }
    }
    this.at = end + 1;
    return plain ? this.text.slice(start + 1, end) : this.escaped(start, end + 1);
  }

  escaped(start: number, end: number): string {
    try {
      return JSON.parse(this.text.slice(start, end)) as string;
    } catch {
      this.at = start;
      return this.fail("not valid JSON: a text with an unknown escape");
    }
  }

  array(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.at++;
    if (this.next() === 0x5d) {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.next() !== 0x2c) break;
      this.at++;
    }
    this.expect("]");
    return items;
  }

  object(depth: number): JsonObject {
    const members = new Map<string, Json>();
    this.at++;
    if (this.next() === 0x7d) {
      this.at++;
      return members;
    }
    for (;;) {
      if (this.next() !== 0x22) this.fail("not valid JSON: a key in quotes expected");
      const key = this.string();
      if (members.has(key)) this.fail(`the key ${JSON.stringify(key)} stands twice`);
      this.expect(":");
      members.set(key, this.value(depth + 1));
      if (this.next() !== 0x2c) break;
      this.at++;
    }
    this.expect("}");
    return members;
  }
}

/** Reads one JSON value. `name` begins every message (a file's name). @throws Failure "file" */
export const parseJson = (text: string, name: string): Json => {
  const reader = new Reader(text, name);
  const value = reader.value(0);
  if (!Number.isNaN(reader.next())) reader.fail("not valid JSON: more text after the value");
  return value;
};

/** UTF-8 bytes to text; malformed bytes are refused rather than replaced. @throws Failure "file" */
export const decodeText = (bytes: Uint8Array, name: string): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failure("file", `${name}: not valid UTF-8 text`);
  }
};
