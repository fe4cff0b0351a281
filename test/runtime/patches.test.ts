// Patch rows, against index formulas written out by hand for each order; and the round trip through pictures.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeImage, encodePng, readImage, writeImage } from "../../runtime/media/image.ts";
import { fromPatches, type Picture, toPatches } from "../../runtime/media/patches.ts";

// 6 wide, 4 high, 3 channels, cut into 2 x 2 patches of 2 rows (P) and 3 columns (Q).
const W = 6;
const C = 3;
const P = 2;
const Q = 3;
const picture: Picture = { width: W, height: 4, channels: C, data: Float32Array.from({ length: 72 }, (_, i) => i) };
const pixel = (y: number, x: number, c: number): number => (y * W + x) * C + c;
const formulas: Readonly<Record<string, (p: number, q: number, c: number) => number>> = {
  "p q c": (p, q, c) => p * Q * C + q * C + c,
  "c p q": (p, q, c) => c * P * Q + p * Q + q,
  "q p c": (p, q, c) => q * P * C + p * C + c,
  "p c q": (p, q, c) => p * C * Q + c * Q + q,
  "q c p": (p, q, c) => q * C * P + c * P + p,
  "c q p": (p, q, c) => c * Q * P + q * P + p,
};

describe("patch rows", () => {
  test.each(Object.keys(formulas))("order %s", (order) => {
    const rows = toPatches(picture, { rows: 2, cols: 2, order });
    const expected = new Float32Array(72);
    for (let row = 0; row < 4; row++) {
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          for (let c = 0; c < C; c++) {
            const [top, left] = [(row >> 1) * P, (row & 1) * Q];
            expected[row * P * Q * C + formulas[order]!(p, q, c)] = pixel(top + p, left + q, c);
          }
        }
      }
    }
    expect(rows).toEqual(expected);
    expect(fromPatches(rows, picture, { rows: 2, cols: 2, order })).toEqual(picture);
  });

  test("wrong grids and orders are refused", () => {
    expect(() => toPatches(picture, { rows: 3, cols: 2, order: "p q c" })).toThrow(/6 x 4 cannot be cut into 2 x 3/);
    expect(() => toPatches(picture, { rows: 0, cols: 2, order: "p q c" })).toThrow(/cannot be cut/);
    for (const order of ["p q", "p q c c", "c p p", "pqc", "", "x y z"]) {
      expect(() => toPatches(picture, { rows: 2, cols: 2, order })).toThrow(/must name p, q and c once each/);
    }
    expect(() => fromPatches(new Float32Array(71), picture, { rows: 2, cols: 2, order: "p q c" })).toThrow(
      /71 numbers/,
    );
  });
});

const levels = (width: number, height: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7) % 256));
const png = (width: number, height: number): Promise<Buffer> =>
  sharp(levels(width, height), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();

describe("pictures", () => {
  test("levels become -1 .. 1, and go back exactly", async () => {
    const all = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => Math.floor(i / 3));
    const bytes = await sharp(all, { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toBuffer();
    const read = await decodeImage(bytes, { width: 16, height: 16 }, "x");
    expect([read.data[0], read.data.at(-1)]).toEqual([-1, 1]);
    expect(read.data[3 * 51]).toBe(Math.fround(51 / 127.5 - 1));
    const again = await sharp(await encodePng(read))
      .raw()
      .toBuffer();
    expect(new Uint8Array(again)).toEqual(all);
  });

  test("a wide picture is cut evenly left and right", async () => {
    const read = await decodeImage(await png(32, 8), { width: 8, height: 8 }, "x");
    const source = levels(32, 8);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) {
        expect(read.data[(y * 8 + x) * 3]).toBe(Math.fround(source[(y * 32 + x + 12) * 3]! / 127.5 - 1));
      }
    }
  });

  test("JPEG, orientation, transparency and grey", async () => {
    const wide = sharp({ create: { width: 16, height: 8, channels: 3, background: "#ff0000" } });
    const turned = await wide.jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const read = await decodeImage(turned, { width: 8, height: 16 }, "x");
    expect(read.data[0]).toBeGreaterThan(0.98);
    expect(read.data[1]).toBeLessThan(-0.98);
    const clear = await sharp({ create: { width: 4, height: 4, channels: 4, background: "#00000000" } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(clear, { width: 1, height: 1 }, "x")).data]).toEqual([1, 1, 1]);
    const grey = await sharp(Buffer.alloc(16, 255), { raw: { width: 4, height: 4, channels: 1 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(grey, { width: 1, height: 1 }, "x")).data]).toEqual([1, 1, 1]);
  });

  test("a file goes through patches and back to the same pixels", async () => {
    const folder = await mkdtemp(join(tmpdir(), "graftwerk-image-"));
    const grid = { rows: 8, cols: 8, order: "c p q" };
    await writeFile(join(folder, "in.png"), await png(32, 32));
    const read = await readImage(join(folder, "in.png"), { width: 32, height: 32 });
    await writeImage(join(folder, "out.png"), fromPatches(toPatches(read, grid), read, grid));
    expect(await sharp(join(folder, "out.png")).raw().toBuffer()).toEqual(levels(32, 32));
    await rm(folder, { recursive: true });
  });

  test("values outside are clipped, and NaN is refused", async () => {
    const size = { width: 2, height: 1, channels: 3 };
    const bytes = await encodePng({ ...size, data: Float32Array.of(-9, -1, 0, 1, 9, Infinity) });
    expect([...(await sharp(bytes).raw().toBuffer())]).toEqual([0, 0, 128, 255, 255, 255]);
    await expect(encodePng({ ...size, data: new Float32Array(6).fill(NaN) })).rejects.toThrow(/not a number/);
    await expect(encodePng({ ...size, channels: 1, data: new Float32Array(2) })).rejects.toThrow(/3 channels, not 1/);
  });

  test("only PNG and JPEG are decoded, and damage is an error with the file's name", async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(decodeImage(svg, { width: 1, height: 1 }, "a.png")).rejects.toThrow(
      /a\.png: is neither a PNG nor a JPEG/,
    );
    await expect(decodeImage((await png(8, 8)).subarray(0, 80), { width: 1, height: 1 }, "a.png")).rejects.toThrow(
      /a\.png: cannot be decoded/,
    );
  });
});
