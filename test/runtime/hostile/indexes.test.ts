// Hostile indexes of sharded checkpoints, and shards that do not fit their index: each is refused by a Failure that says
// what is wrong, and nothing but the index and the shards that it may name is opened.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../../runtime/failure.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { entry, file, many } from "./file.ts";
import { page } from "../../robustness/page.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-index-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const INDEX = "model.safetensors.index.json";
const one = entry("F32", "[1]", 0, 4);
const map = (members: string): string => `{"weight_map":{${members}}}`;
const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

/** Beside each index lie `x.safetensors` with the tensor `a`, `y.safetensors` with `b`, and a folder `d`. */
const hostile: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ["no bytes", "", /is not an object/],
  ["a list", "[]", /is not an object/],
  ["a text", '"x.safetensors"', /is not an object/],
  ["a byte order mark", `\ufeff${map('"a":"x.safetensors"')}`, /is not an object/],
  ["malformed UTF-8", Uint8Array.of(0x7b, 0x22, 0xff), /not valid UTF-8/],
  ["no map", '{"metadata":{}}', /no object `weight_map`/],
  ["a map that is a list", '{"weight_map":["x.safetensors"]}', /no object `weight_map`/],
  ["a map that is null", '{"weight_map":null}', /no object `weight_map`/],
  ["a map that is the prototype's", '{"__proto__":{"weight_map":{"a":"x.safetensors"}}}', /no object `weight_map`/],
  ["two maps", `{"weight_map":{"a":"x.safetensors"},"weight_map":{"a":"y.safetensors"}}`, /"weight_map" stands twice/],
  ["two maps, one escaped", `{"weight_map":{"a":"x.safetensors"},"weight\\u005fmap":{}}`, /"weight_map" stands twice/],
  ["a key twice in one shard", map('"a":"x.safetensors","a":"x.safetensors"'), /"a" stands twice/],
  ["a key twice in two shards", map('"a":"x.safetensors","a":"y.safetensors"'), /"a" stands twice/],
  ["a key twice, escaped", map('"a":"x.safetensors","\\u0061":"y.safetensors"'), /"a" stands twice/],
  ["__proto__ twice", map('"__proto__":"x.safetensors","__proto__":"y.safetensors"'), /"__proto__" stands twice/],
  [
    "a key of the prototype",
    map('"a":"x.safetensors","__proto__":"x.safetensors"'),
    /"__proto__" in x\.safetensors, which/,
  ],
  ["a key called constructor", map('"a":"x.safetensors","constructor":"x.safetensors"'), /"constructor" in x\.safe/],
  ["a shard that is a number", map('"a":1'), /"a" lies in something that is no text/],
  ["a shard that is null", map('"a":null'), /"a" lies in something that is no text/],
  ["shards in a list", map('"a":["x.safetensors"]'), /"a" lies in something that is no text/],
  ["a map in the map", map('"a":{"b":"x.safetensors"}'), /"a" lies in something that is no text/],
  ["a key in no shard", map('"a":"x.safetensors","c":"x.safetensors"'), /places "c" in x\.safetensors, which does not/],
  ["a key in another shard", map('"a":"y.safetensors","b":"x.safetensors"'), /y\.safetensors: holds "b", which/],
  ["a tensor that no key names", map('"b":"x.safetensors"'), /x\.safetensors: holds "a", which/],
  ["no keys, for shards that are there", map(""), /names no files/],
  ["a shard that is not there", map('"a":"z.safetensors"'), /z\.safetensors: there is no such file/],
  ["a shard that is a folder", map('"a":"d"'), /d: is not a file/],
  ["a shard that is the index", map(`"a":"${INDEX}"`), /not a sound safetensors file/],
  ["a shard that is a pickle", map('"a":"pytorch_model.bin"'), /is a pickle/],
  ["a shard that is a pickle in capitals", map('"a":"M.PKL"'), /is a pickle/],
  ["a shard of another case", map('"a":"X.SAFETENSORS","b":"y.safetensors"'), /X\.SAFETENSORS: (?:there is no|holds)/],
  ["a shard above", map('"a":"../x.safetensors"'), /"\.\.\/x\.safetensors", which is no plain file name/],
  ["a shard with a name of a million characters", map(`"a":"${"x".repeat(1e6)}"`), /which is no plain file name/],
  ["a key of a million characters", map(`"${"k".repeat(1e6)}":1`), /"k{120}…" lies in/],
  ["a key that steers the terminal", map('"\u009b2J":1'), /"\\u009b2J" lies in/],
  ["5,000 shards", map(many(5000, (i) => `"a${i}":"s${i}.safetensors"`)), /names more than 4096 files/],
  ["a million keys and one", map(many(1_000_001, (i) => `"${i}":"x.safetensors"`)), /more than 1000000 keys/],
  ["1,001 members", `{${many(1001, (i) => `"${i}":0`)}}`, /more than 1000 members/],
  ["100,000 levels of metadata", `{"metadata":${deep(100_000)}}`, /nested more than 32/],
  ["100,000 levels of objects", `{"metadata":${'{"a":'.repeat(100_000)}`, /nested more than 32/],
  ["metadata without an end", '{"metadata":{"total_size":1', /`\}` expected/],
  ["a number without an end", `{"metadata":${"1".repeat(1e6)}}`, /a number has 1000000 characters/],
  ["a comma at the end", `{"weight_map":{"a":"x.safetensors"},}`, /a key in quotes expected/],
  ["more after the end", `${map('"a":"x.safetensors"')}{}`, /more text after the value/],
  ["a name with an unknown escape", map('"a":"\\x"'), /unknown escape/],
];

test("there are forty, all different", () => {
  expect(new Set(hostile.map(([name]) => name)).size).toBe(hostile.length);
  expect(hostile.length).toBeGreaterThanOrEqual(40);
  expect(page).toContain(`| hostile indexes | ${hostile.length} |`);
});

describe("a hostile index is refused", () => {
  test.each(hostile)("%s", async (_, text, reason) => {
    writeFileSync(join(folder, "x.safetensors"), file(`{"a":${one}}`, 4));
    writeFileSync(join(folder, "y.safetensors"), file(`{"b":${one}}`, 4));
    mkdirSync(join(folder, "d"));
    writeFileSync(join(folder, INDEX), text);
    let thrown: unknown;
    const before = process.cpuUsage();
    try {
      await (await openCheckpoint(folder)).close();
    } catch (cause) {
      thrown = cause;
    }
    expect(thrown).toBeInstanceOf(Failure);
    const { kind, message } = thrown as Failure;
    expect({ kind, message }).toEqual({ kind: "file", message: expect.stringMatching(reason) as string });
    expect(message.length).toBeLessThan(1000);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(10_000);
  });
});
