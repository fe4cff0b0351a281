// The safetensors reader and writer: what is written is read back, and every unsound header is refused with its reason.
import { describe, expect, test } from "vitest";
import { Failure } from "../../runtime/failure.ts";
import { decodeF32 } from "../../runtime/weights/dtype.ts";
import { readBytes, readF32, readSafetensors } from "../../runtime/weights/safetensors.ts";
import { memorySource } from "../../runtime/weights/source.ts";
import { safetensorsBytes } from "../../runtime/weights/write.ts";

const file = (header: string | Uint8Array, data: number, length?: bigint): Uint8Array => {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
};
const open = (bytes: Uint8Array, maxHeader?: number) =>
  readSafetensors(memorySource("w.safetensors", bytes), maxHeader === undefined ? {} : { maxHeader });
const entry = (dtype: string, shape: string, begin: number | string, end: number | string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
const f32 = (values: readonly number[]): Float32Array => Float32Array.from(values);

describe("what is written is read back", () => {
  const tensors = [
    { name: "b", dtype: "F16", shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 1) },
    { name: "a", dtype: "F32", shape: [2, 2], data: f32([1, 2, 3, 4]) },
    { name: "scalar", dtype: "F32", shape: [], data: f32([7]) },
    { name: "empty", dtype: "I64", shape: [0, 5], data: new BigInt64Array(0) },
    { name: "__proto__", dtype: "U8", shape: [1], data: Uint8Array.of(9) },
    { name: 'quote "\\ and é', dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) },
  ] as const;

  test("names, shapes, metadata and values", async () => {
    const bytes = safetensorsBytes(
      tensors,
      new Map([
        ["z", "1"],
        ["format", "pt"],
      ]),
    );
    const read = await open(bytes);
    expect([...read.tensors.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
    expect([...read.metadata]).toEqual([
      ["format", "pt"],
      ["z", "1"],
    ]);
    for (const { name, dtype, shape, data } of tensors) {
      const found = read.tensors.get(name)!;
      expect([found.dtype, found.shape]).toEqual([dtype, shape]);
      expect(await readBytes(read.source, found)).toEqual(new Uint8Array(data.buffer));
    }
    expect([...(await readF32(read.source, read.tensors.get("b")!))]).toEqual([1, -2, 2 ** -24]);
    expect([...(await readF32(read.source, read.tensors.get('quote "\\ and é')!))]).toEqual([1]);
  });

  test("the order of the tensors given does not matter", () => {
    expect(safetensorsBytes([...tensors].reverse())).toEqual(safetensorsBytes(tensors));
  });

  test("the data is aligned, and reading it in memory copies nothing", async () => {
    const bytes = safetensorsBytes(tensors);
    const read = await open(bytes);
    const values = await readF32(read.source, read.tensors.get("a")!);
    expect(values.buffer).toBe(bytes.buffer);
    expect(Math.min(...[...read.tensors.values()].map(({ offset }) => offset)) % 64).toBe(0);
  });

  test("an unaligned tensor is copied, and right", async () => {
    const bytes = file(`{"a":${entry("F32", "[1]", 0, 4)}}  `, 4);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    new DataView(shifted.buffer).setFloat32(shifted.length - 4, 2.5, true);
    const read = await open(shifted.subarray(1));
    expect([...(await readF32(read.source, read.tensors.get("a")!))]).toEqual([2.5]);
  });

  test("wrong tensors are not written", () => {
    const a = { name: "a", dtype: "F32", shape: [2], data: f32([1, 2]) } as const;
    expect(() => safetensorsBytes([a, a])).toThrow(/"a" is written twice/);
    expect(() => safetensorsBytes([{ ...a, name: "__metadata__" }])).toThrow(/written twice/);
    expect(() => safetensorsBytes([{ ...a, shape: [3] }])).toThrow(/F32 \[3\], 12 bytes, but 8 bytes/);
  });
});

describe("halves", () => {
  test("all 65,536 of them", () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const values = decodeF32("F16", new Uint8Array(bits.buffer))!;
    for (let i = 0; i < bits.length; i++) {
      const [sign, exponent, fraction] = [i >> 15, (i >> 10) & 31, i & 1023];
      // An f32 of the same sign, fraction and shifted exponent, except where the half has no normal exponent.
      const word = new DataView(new ArrayBuffer(4));
      word.setUint32(0, ((sign << 31) | ((exponent + 112) << 23) | (fraction << 13)) >>> 0);
      const normal = word.getFloat32(0);
      const small = (fraction / 1024) * 2 ** -14 * (sign ? -1 : 1);
      const large = fraction ? NaN : sign ? -Infinity : Infinity;
      expect(Object.is(values[i], exponent === 0 ? small : exponent === 31 ? large : normal)).toBe(true);
    }
  });

  test("bf16 is the upper half of f32", () => {
    const values = decodeF32("BF16", new Uint8Array(Uint16Array.of(0x3fc0, 0xff80, 0x8000, 0x0001).buffer))!;
    expect([...values]).toEqual([1.5, -Infinity, -0, 2 ** -133]);
  });

  test("integers are not read as f32", async () => {
    const read = await open(file(`{"a":${entry("I32", "[1]", 0, 4)}}`, 4));
    await expect(readF32(read.source, read.tensors.get("a")!)).rejects.toThrow(
      /"a" is I32, which cannot be read as f32/,
    );
  });
});

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
  ["an empty length", file(`{"a":${a}}`, 4, 0n), /not valid JSON/],
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
  [
    "another field for the shape",
    file(`{"a":{"dtype":"F32","size":[1],"data_offsets":[0,4]}}`, 4),
    /shape that is not/,
  ],
  ["an unknown dtype", file(`{"a":${entry("F33", "[1]", 0, 4)}}`, 4), /unknown dtype "F33"/],
  ["a dtype of the prototype", file(`{"a":${entry("toString", "[1]", 0, 4)}}`, 4), /unknown dtype "toString"/],
  ["a dtype that is a number", file(`{"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}}`, 4), /unknown dtype 1/],
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
  ["nine axes", file(`{"a":${entry("F32", "[1,1,1,1,1,1,1,1,1]", 0, 4)}}`, 4), /has 9 axes/],
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
  ["100,000 levels", file(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 0), /nested more than 32/],
  ["a control character in a name", file(`{"a\n":${a}}`, 4), /control character/],
  ["an unknown escape", file(`{"\\x":${a}}`, 4), /unknown escape/],
  ["a name without an end", file(`{"a`, 0), /without an end/],
  ["a comma at the end", file(`{"a":${a},}`, 4), /a key in quotes expected/],
  ["single quotes", file(`{'a':${a}}`, 4), /a key in quotes expected/],
  ["NaN as a size", file(`{"a":${entry("F32", "[NaN]", 0, 4)}}`, 4), /a value expected/],
];

describe("unsound files are refused", () => {
  test.each(hostile)("%s", async (_, bytes, reason) => {
    const opened = open(bytes);
    await expect(opened).rejects.toThrow(Failure);
    await expect(opened).rejects.toThrow(reason);
  });

  test("a header above the limit is not read at all", async () => {
    const bytes = file(`{"a":${a}}${" ".repeat(1000)}`, 4);
    await expect(open(bytes, 1000)).rejects.toThrow(/at most 1000 are read/);
    expect((await open(bytes, 2000)).tensors.size).toBe(1);
  });

  test("nothing but the header is read", async () => {
    const bytes = file(`{"a":${a}}`, 4);
    let highest = 0;
    const memory = memorySource("w", bytes);
    await readSafetensors({
      ...memory,
      read: (offset, length) => {
        highest = Math.max(highest, offset + length);
        return memory.read(offset, length);
      },
    });
    expect(highest).toBe(bytes.length - 4);
  });

  test("random damage never does anything else", async () => {
    const whole = safetensorsBytes([{ name: "a", dtype: "F32", shape: [2, 3], data: f32([1, 2, 3, 4, 5, 6]) }]);
    let state = 1;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    let refused = 0;
    for (let i = 0; i < 3000; i++) {
      const bytes = whole.slice(0, random(8) === 0 ? random(whole.length) : whole.length);
      for (let k = 0; k <= random(3) && bytes.length > 0; k++) bytes[random(bytes.length)] = random(256);
      await open(bytes).catch((thrown: unknown) => {
        expect(thrown).toBeInstanceOf(Failure);
        refused++;
      });
    }
    expect(refused).toBeGreaterThan(1500);
  });
});
