// The safetensors reader and writer: what is written is read back, and no more than the header is read.
import { describe, expect, test } from "vitest";
import { decodeF32 } from "../../runtime/weights/dtype.ts";
import { readBytes, readF32, readSafetensors } from "../../runtime/weights/safetensors.ts";
import { memorySource } from "../../runtime/weights/source.ts";
import { safetensorsBytes } from "../../runtime/weights/write.ts";
import { entry, file } from "./hostile/file.ts";

const open = (bytes: Uint8Array, maxHeader?: number) =>
  readSafetensors(memorySource("w.safetensors", bytes), maxHeader === undefined ? {} : { maxHeader });
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
describe("no more is read than must be", () => {
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
});
