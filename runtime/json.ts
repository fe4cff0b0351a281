// A strict JSON reader for files of strangers. `JSON.parse` keeps the last of two equal keys, rounds integers above
// 2^53 and lets a key `__proto__` reach a prototype; here objects are Maps, and all three are refused with their place.
// A large file is read member by member: a value takes up to a hundred times the memory of its text, so that nothing is
// made of what the caller does not know.
import { Failure } from "./failure.ts";
import { quote } from "./quote.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/** No file this runtime reads nests deeper than a handful of levels. */
const MAX_DEPTH = 32;
/** Objects and lists in one value that is read whole; empty ones take most memory for their text. */
const MAX_NESTED = 250_000;
/** Values of any kind in it. */
const MAX_VALUES = 1_000_000;
/** More than any number needs. */
const MAX_DIGITS = 400;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ["t", true],
  ["f", false],
  ["n", null],
]);

/** What `members` must know of the keys that it gave before. */
export interface Known {
  has(key: string): boolean;
}

export class JsonReader {
  readonly text: string;
  readonly name: string;
  at = 0;
  private nested = 0;
  private values = 0;

  /** `name` begins every message (a file's name). */
  constructor(text: string, name: string) {
    this.text = text;
    this.name = name;
  }

  private fail(what: string): never {
    throw new Failure("file", `${this.name}: ${what} (at character ${this.at})`);
  }

  /** Skips white space and returns the character code that follows, NaN at the end. */
  private next(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.at++;
    }
  }

  private expect(character: string): void {
    if (this.next() !== character.charCodeAt(0)) this.fail(`not valid JSON: \`${character}\` expected`);
    this.at++;
  }

  value(depth: number): Json {
    this.checkDepth(depth);
    if (++this.values > MAX_VALUES) this.fail(`holds more than ${MAX_VALUES} values`);
    if (this.nested > MAX_NESTED) this.fail(`holds more than ${MAX_NESTED} objects and lists`);
    const first = String.fromCharCode(this.next());
    if (first === "{") return this.object(depth);
    if (first === "[") return this.array(depth);
    if (first === '"') return this.string();
    const word = WORDS.get(first);
    return word === undefined ? this.number() : this.word(word);
  }

  /** Whether the next value begins so: `{`, `[`, `"`. */
  begins(character: string): boolean {
    return this.next() === character.charCodeAt(0);
  }
  /** A whole number written in digits alone; undefined, and nothing is read, where the next value is another. */
  size(): number | undefined {
    const code = this.next();
    if (!(code >= 0x30 && code <= 0x39)) return undefined;
    const start = this.at;
    const value = this.number();
    if (!/[.eE]/.test(this.text.slice(start, this.at))) return value;
    this.at = start;
    return undefined;
  }
  /** An object: calls `read` after each key, which must read the value. A key that is `known` by then stands twice. */
  members(known: Known, read: (key: string) => void): void {
    this.expect("{");
    if (this.next() === 0x7d) return void this.at++;
    for (;;) {
      if (this.next() !== 0x22) this.fail("not valid JSON: a key in quotes expected");
      const key = this.string();
      if (known.has(key)) this.fail(`the key ${quote(key)} stands twice`);
      this.expect(":");
      read(key);
      if (this.next() !== 0x2c) break;
      this.at++;
    }
    this.expect("}");
  }
  /** A list: calls `read` before each item, which it must read. */
  items(read: () => void): void {
    this.expect("[");
    if (this.next() === 0x5d) return void this.at++;
    for (;;) {
      read();
      if (this.next() !== 0x2c) break;
      this.at++;
    }
    this.expect("]");
  }
  /** Goes past a value of any kind, of which nothing is made. */
  skip(depth = 0): void {
    this.checkDepth(depth);
    if (this.begins("{")) this.members(NOTHING, () => this.skip(depth + 1));
    else if (this.begins("[")) this.items(() => this.skip(depth + 1));
    else {
      this.values = 0;
      this.value(depth);
    }
  }
  /** Nothing but white space may follow. */
  end(): void {
    if (!Number.isNaN(this.next())) this.fail("not valid JSON: more text after the value");
  }

  private checkDepth(depth: number): void {
    if (depth > MAX_DEPTH) this.fail(`nested more than ${MAX_DEPTH} levels deep`);
  }

  private word(value: Json): Json {
    const spelling = String(value);
    if (!this.text.startsWith(spelling, this.at)) this.fail("not valid JSON");
    this.at += spelling.length;
    return value;
  }

  private number(): number {
    NUMBER.lastIndex = this.at;
    const spelling = NUMBER.exec(this.text)?.[0];
    if (spelling === undefined) return this.fail("not valid JSON: a value expected");
    if (spelling.length > MAX_DIGITS) this.fail(`a number has ${spelling.length} characters`);
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

  private escaped(start: number, end: number): string {
    try {
      return JSON.parse(this.text.slice(start, end)) as string;
    } catch {
      this.at = start;
      return this.fail("not valid JSON: a text with an unknown escape");
    }
  }

  private array(depth: number): readonly Json[] {
    this.nested++;
    const items: Json[] = [];
    this.items(() => items.push(this.value(depth + 1)));
    return items;
  }
  private object(depth: number): JsonObject {
    this.nested++;
    const members = new Map<string, Json>();
    this.members(members, (key) => members.set(key, this.value(depth + 1)));
    return members;
  }
}
const NOTHING: Known = { has: () => false };

/** Reads one JSON value. `name` begins every message (a file's name). @throws Failure "file" */
export const parseJson = (text: string, name: string): Json => {
  const reader = new JsonReader(text, name);
  const value = reader.value(0);
  reader.end();
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
