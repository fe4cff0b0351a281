// Hostile files: headers made to crash a reader, to make it read what is not theirs, or to exhaust it. Each is refused by a
// Failure that says what is wrong, and in a time and a memory that the file's own size bounds.
import { describe, expect, test } from "vitest";
import { Failure } from "../../../runtime/failure.ts";
import { readSafetensors } from "../../../runtime/weights/safetensors.ts";
import { memorySource } from "../../../runtime/weights/source.ts";
import { entry, file, many } from "./file.ts";
import { page } from "../../robustness/page.ts";

const a = entry("F32", "[1]", 0, 4);
const hostile: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["no bytes", new Uint8Array(0), /has 0 bytes/],
  ["nine bytes", file("{", 0), /has 9 bytes/],
  ["header longer than the file", file("{}", 0, 3n), /said to have 3 bytes, more than the file/],
  ["header of 2^64 - 1 bytes", file("{}", 0, 2n ** 64n - 1n), /18446744073709551615 bytes, more than/],
  ["header of 2^63 bytes", file("{}", 0, 2n ** 63n), /more than the file/],
  ["a zip", file("PK\u0003\u0004", 40), /does not begin with `\{`/],
  ["a pickle", Uint8Array.of(0x80, 2, 0, 0, 0, 0, 0, 0, 0x7d, 0x71), /does not begin with `\{`/],
  ["spaces before the header", file(` {"a":${a}}`, 4), /does not begin with `\{`/],
  ["a byte order mark", file(`\ufeff{"a":${a}}`, 4), /does not begin with `\{`/],
  ["text after the header", file(`{"a":${a}}x`, 4), /more text after the value/],
  ["no end", file(`{"a":${a}`, 4), /`\}` expected/],
  ["an empty length", file(`{"a":${a}}`, 4, 0n), /header is not an object/],
  ["malformed UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 0), /not valid UTF-8/],
  ["the same name twice", file(`{"a":${a},"a":${a}}`, 4), /"a" stands twice/],
  ["the same name twice, escaped", file(`{"a":${a},"\\u0061":${a}}`, 4), /"a" stands twice/],
  ["__proto__ twice", file(`{"__proto__":${a},"__proto__":${a}}`, 4), /"__proto__" stands twice/],
  ["metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0), /"__metadata__" stands twice/],
  ["metadata is a list", file(`{"__metadata__":[]}`, 0), /is not an object/],
  ["metadata holds a number", file(`{"__metadata__":{"a":1}}`, 0), /"a" that is no text/],
  ["an entry is a list", file(`{"a":[]}`, 0), /"a" is not described by an object/],
  [
    "a field twice",
    file(`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
    /"dtype" stands twice/,
  ],
  ["an unknown field", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4), /no other field/],
  ["no dtype", file(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, 4), /must have `dtype`/],
  ["another field for the shape", file(`{"a":{"dtype":"F32","size":[1],"data_offsets":[0,4]}}`, 4), /no other field/],
  ["an unknown dtype", file(`{"a":${entry("F33", "[1]", 0, 4)}}`, 4), /unknown dtype "F33"/],
  ["a dtype of the prototype", file(`{"a":${entry("toString", "[1]", 0, 4)}}`, 4), /unknown dtype "toString"/],
  ["a dtype that is a number", file(`{"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}}`, 4), /dtype that is no text/],
  ["a negative size", file(`{"a":${entry("F32", "[-1]", 0, 4)}}`, 4), /not a list of sizes/],
  ["a fraction as size", file(`{"a":${entry("F32", "[1.5]", 0, 4)}}`, 4), /not a list of sizes/],
  ["a text as size", file(`{"a":${entry("F32", '["1"]', 0, 4)}}`, 4), /not a list of sizes/],
  [
    "a size above 2^53",
    file(`{"a":${entry("F32", "[9007199254740993]", 0, 4)}}`, 4),
    /9007199254740993 is above 2\^53/,
  ],
  ["a size of 1e400", file(`{"a":${entry("F32", "[1e400]", 0, 4)}}`, 4), /too large/],
  ["a leading zero", file(`{"a":${entry("F32", "[01]", 0, 4)}}`, 4), /`\]` expected/],
  ["nine axes", file(`{"a":${entry("F32", "[1,1,1,1,1,1,1,1,1]", 0, 4)}}`, 4), /more than 8 axes/],
  [
    "a product that wraps at 2^64",
    file(`{"a":${entry("U8", "[4294967296,4294967296]", 0, 0)}}`, 0),
    /18446744073709551616 bytes, but its offsets span 0/,
  ],
  [
    "a product that wraps to the length",
    file(`{"a":${entry("F32", "[4611686018427387,4000]", 0, 4)}}`, 4),
    /but its offsets span 4/,
  ],
  ["a shape too small", file(`{"a":${entry("F32", "[1]", 0, 8)}}`, 8), /4 bytes, but its offsets span 8/],
  ["a zero with data", file(`{"a":${entry("F32", "[0]", 0, 4)}}`, 4), /0 bytes, but its offsets span 4/],
  ["offsets exchanged", file(`{"a":${entry("F32", "[1]", 4, 0)}}`, 4), /wrong `data_offsets`/],
  ["three offsets", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, 4), /wrong `data_offsets`/],
  ["one offset", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}`, 4), /wrong `data_offsets`/],
  ["a negative offset", file(`{"a":${entry("F32", "[1]", -4, 0)}}`, 4), /wrong `data_offsets`/],
  ["an end beyond the file", file(`{"a":${entry("F32", "[2]", 0, 8)}}`, 4), /ends at byte 8 of 4 bytes/],
  [
    "an end far beyond",
    file(`{"a":${entry("U8", "[9007199254740991]", 0, "9007199254740991")}}`, 4),
    /ends at byte 9007199254740991/,
  ],
  ["a hole in front", file(`{"a":${entry("F32", "[1]", 4, 8)}}`, 8), /leaves a hole/],
  ["a hole between", file(`{"a":${a},"b":${entry("F32", "[1]", 8, 12)}}`, 12), /"b" leaves a hole/],
  ["an overlap", file(`{"a":${entry("F32", "[2]", 0, 8)},"b":${entry("F32", "[1]", 4, 8)}}`, 8), /"b" overlaps/],
  ["the same bytes twice", file(`{"a":${a},"b":${a}}`, 4), /"b" overlaps/],
  ["an empty tensor inside another", file(`{"a":${a},"b":${entry("F32", "[0]", 2, 2)}}`, 4), /"b" overlaps/],
  ["an empty tensor beyond the end", file(`{"a":${a},"b":${entry("F32", "[0]", 9, 9)}}`, 4), /"b" ends at byte 9/],
  ["bytes at the end", file(`{"a":${a}}`, 5), /1 bytes at its end belong to no tensor/],
  ["no tensors but data", file("{}", 3), /3 bytes at its end/],
  ["100,000 levels", file(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 0), /not described by an object/],
  ["a control character in a name", file(`{"a\n":${a}}`, 4), /control character/],
  ["an unknown escape", file(`{"\\x":${a}}`, 4), /unknown escape/],
  ["a name without an end", file(`{"a`, 0), /without an end/],
  ["a comma at the end", file(`{"a":${a},}`, 4), /a key in quotes expected/],
  ["single quotes", file(`{'a':${a}}`, 4), /a key in quotes expected/],
  ["NaN as a size", file(`{"a":${entry("F32", "[NaN]", 0, 4)}}`, 4), /not a list of sizes/],
  ["eight bytes", new Uint8Array(8), /has 8 bytes/],
  ["a header that ends within a character", file(Uint8Array.of(0x7b, 0x22, 0xc3), 0), /not valid UTF-8/],
  ["half of a surrogate pair as UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22), 0), /not valid UTF-8/],
  ["an overlong encoding of a quote", file(Uint8Array.of(0x7b, 0xc0, 0xa2, 0x61), 0), /not valid UTF-8/],
  ["a header in UTF-16", file(new Uint8Array(Buffer.from('{"a":1}', "utf16le")), 0), /key in quotes/],
  ["a NUL after the header", file(`{"a":${a}}\0`, 4), /more text after the value/],
  ["a second header after the first", file(`{"a":${a}}{"b":${a}}`, 4), /more text after the value/],
  ["a header that is cut within a number", file('{"a":{"dtype":"F32","shape":[1', 0), /`\]` expected/],
  ["a length of a header one too small", file(`{"a":${a}}`, 4, BigInt(`{"a":${a}}`.length - 1)), /`\}` expected/],
  ["a length of a header one too large", file(`{"a":${a}}`, 4, BigInt(`{"a":${a}}`.length + 1)), /ends at byte 4 of 3/],
  ["a length in big-endian order", file("{}", 0, 2n ** 57n), /more than the file/],
  ["a list of entries", file(`{"a":${a},["b",1]}`, 4), /a key in quotes expected/],
  ["a key without a value", file('{"a"}', 0), /`:` expected/],
  ["a comment", file(`{/**/"a":${a}}`, 4), /a key in quotes expected/],
  ["a number as the entry", file('{"a":0}', 0), /not described by an object/],
  ["null as the entry", file('{"a":null}', 0), /not described by an object/],
  ["an empty entry", file('{"a":{}}', 0), /and no other field/],
  ["no shape", file('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4), /and no other field/],
  ["no offsets", file('{"a":{"dtype":"F32","shape":[1]}}', 4), /and no other field/],
  [
    "a field of the prototype",
    file('{"a":{"__proto__":{},"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    /no other/,
  ],
  ["a field called toString", file('{"a":{"toString":1}}', 0), /no other field/],
  ["a shape twice, the same", file('{"a":{"shape":[1],"shape":[1]}}', 0), /"shape" stands twice/],
  [
    "offsets twice, escaped",
    file('{"a":{"data_offsets":[0,4],"data_offset\\u0073":[0,4]}}', 4),
    /"data_offsets" stands twice/,
  ],
  ["a dtype in small letters", file(`{"a":${entry("f32", "[1]", 0, 4)}}`, 4), /unknown dtype "f32"/],
  ["an empty dtype", file(`{"a":${entry("", "[1]", 0, 4)}}`, 4), /unknown dtype ""/],
  ["a dtype with a NUL", file(`{"a":${entry("F32\\u0000", "[1]", 0, 4)}}`, 4), /unknown dtype "F32\\u0000"/],
  [
    "a dtype of a thousand characters",
    file(`{"a":${entry("F".repeat(1000), "[1]", 0, 4)}}`, 4),
    /unknown dtype "F{120}…"$/,
  ],
  ["a dtype that turns the text around", file(`{"a":${entry("\u202eF32", "[1]", 0, 4)}}`, 4), /dtype "\\u202eF32"/],
  ["a shape that is a number", file(`{"a":${entry("F32", "1", 0, 4)}}`, 4), /not a list of sizes/],
  ["a shape that is an object", file(`{"a":${entry("F32", "{}", 0, 4)}}`, 4), /not a list of sizes/],
  ["a list in the shape", file(`{"a":${entry("F32", "[[1]]", 0, 4)}}`, 4), /not a list of sizes/],
  ["a size of 1.0", file(`{"a":${entry("F32", "[1.0]", 0, 4)}}`, 4), /not a list of sizes/],
  ["a size of 1e0", file(`{"a":${entry("F32", "[1e0]", 0, 4)}}`, 4), /not a list of sizes/],
  ["a size of -0", file(`{"a":${entry("F32", "[-0]", 0, 0)}}`, 0), /not a list of sizes/],
  ["a size in hexadecimal", file(`{"a":${entry("F32", "[0x1]", 0, 4)}}`, 4), /`\]` expected/],
  [
    "a size with a million digits",
    file(`{"a":${entry("F32", `[${"1".repeat(1e6)}]`, 0, 4)}}`, 4),
    /a number has 1000000 char/,
  ],
  ["a comma at the end of a shape", file(`{"a":${entry("F32", "[1,]", 0, 4)}}`, 4), /not a list of sizes/],
  ["a million axes", file(`{"a":${entry("F32", `[${"1,".repeat(1e6)}1]`, 0, 4)}}`, 4), /more than 8 axes/],
  [
    "2^64 elements in eight axes",
    file(`{"a":${entry("U8", "[256,256,256,256,256,256,256,256]", 0, 0)}}`, 0),
    /18446744073709551616 b/,
  ],
  [
    "empty by one axis, vast by the others",
    file(`{"a":${entry("F64", "[9007199254740991,9007199254740991,0]", 0, 8)}}`, 8),
    /0 bytes, but/,
  ],
  [
    "offsets that are texts",
    file('{"a":{"dtype":"F32","shape":[1],"data_offsets":["0","4"]}}', 4),
    /wrong `data_offsets`/,
  ],
  ["offsets that are fractions", file(`{"a":${entry("F32", "[1]", "0.0", "4.0")}}`, 4), /wrong `data_offsets`/],
  [
    "offsets above 2^53",
    file(`{"a":${entry("F32", "[1]", "9007199254740992", "9007199254740996")}}`, 4),
    /above 2\^53/,
  ],
  ["no offsets in the list", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[]}}', 4), /wrong `data_offsets`/],
  ["offsets counted from the file", file(`{"a":${entry("F32", "[1]", 70, 74)}}`, 4), /ends at byte 74 of 4/],
  ["data that begins within the header", file(`{"a":${a}}`, 0, BigInt(`{"a":${a}}`.length)), /ends at byte 4 of 0/],
  ["an overlap of one byte", file(`{"a":${a},"b":${entry("U8", "[4]", 3, 7)}}`, 7), /"b" overlaps/],
  [
    "a tensor around another",
    file(`{"a":${entry("U8", "[8]", 0, 8)},"b":${entry("U8", "[2]", 3, 5)}}`, 8),
    /"b" overlaps/,
  ],
  ["a hole of one byte", file(`{"a":${a},"b":${entry("U8", "[1]", 5, 6)}}`, 6), /"b" leaves a hole/],
  ["a hole before an empty tensor", file(`{"a":${entry("F32", "[0]", 4, 4)}}`, 4), /leaves a hole/],
  ["metadata that is a text", file('{"__metadata__":"pt"}', 0), /is not an object/],
  ["metadata that is null", file('{"__metadata__":null}', 0), /is not an object/],
  ["metadata in metadata", file('{"__metadata__":{"a":{"b":"c"}}}', 0), /"a" that is no text/],
  ["a key of metadata twice", file('{"__metadata__":{"a":"x","a":"y"}}', 0), /"a" stands twice/],
  ["a tensor called __metadata__", file(`{"__metadata__":${a}}`, 4), /"shape" that is no text/],
  [
    "100,001 entries of metadata",
    file(`{"__metadata__":{${many(100_001, (i) => `"${i}":""`)}}}`, 0),
    /more than 100000 entries/,
  ],
  [
    "a name of a million characters, twice",
    file(`{${`"${"n".repeat(1e6)}":${a},`.repeat(2)}}`, 4),
    /the key "n{120}…" stands twice/,
  ],
  ["a name that steers the terminal", file('{"\u009b2J\\u001b[2J":0}', 0), /tensor "\\u009b2J\\u001b\[2J" is not/],
];

test("there are sixty, all different", () => {
  expect(new Set(hostile.map(([name]) => name)).size).toBe(hostile.length);
  expect(new Set(hostile.map(([, bytes]) => Buffer.from(bytes).toString("latin1"))).size).toBe(hostile.length);
  expect(hostile.length).toBeGreaterThanOrEqual(60);
  expect(page).toContain(`| hostile safetensors files | ${hostile.length} |`);
});

describe("a hostile file is refused", () => {
  test.each(hostile)("%s", async (_, bytes, reason) => {
    const source = memorySource("w.safetensors", bytes);
    let asked = 0;
    let thrown: unknown;
    const before = process.cpuUsage();
    try {
      await readSafetensors({ ...source, read: (at, length) => ((asked += length), source.read(at, length)) });
    } catch (cause) {
      thrown = cause;
    }
    expect(thrown).toBeInstanceOf(Failure);
    const { kind, message } = thrown as Failure;
    expect({ kind, message }).toEqual({ kind: "file", message: expect.stringMatching(reason) as string });
    expect(message.startsWith("w.safetensors: ")).toBe(true);
    expect(message.length).toBeLessThan(500);
    expect(asked).toBeLessThanOrEqual(bytes.length + 9);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(5000);
  });
});
