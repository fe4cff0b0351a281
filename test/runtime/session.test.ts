// A compiled folder as a user opens it: phases on a context equal whole documents; wrong calls say what is wrong.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DocumentRow, Failure, openSession, type Session } from "../../runtime/index.ts";
import { inside } from "../cli/inside.ts";

const folder = mkdtempSync(join(tmpdir(), "graftwerk-session-"));
let session: Session;
beforeAll(async () => {
  const spec = new URL("../../examples/xfusion/xfusion.graft", import.meta.url).pathname;
  const out = join(folder, "out");
  const { status } = await inside([
    "compile",
    spec,
    "--model",
    "DualTower",
    "--target",
    "onnx",
    "--seed",
    "3",
    "--out",
    out,
  ]);
  expect(status).toBe(0);
  session = await openSession(out);
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true });
});

const text = (count: number, from = 40): DocumentRow[] =>
  Array.from({ length: count }, (_, i) => ({ kind: "text", span: 0, index: 0, values: { id: from + i } }));
const marker = (kind: string): DocumentRow => ({ kind, span: 0, index: 0, values: {} });
const patches = (count = 64): DocumentRow[] =>
  Array.from({ length: count }, (_, index) => ({
    kind: "image.patch",
    span: 0,
    index,
    values: { z: Float32Array.from({ length: 48 }, (_number, n) => Math.sin(index * 48 + n)) },
  }));

describe("a session", () => {
  test("phase by phase it equals the whole document, past the first room of the caches", async () => {
    const rows = [...text(20), marker("image.open"), ...patches(), marker("image.close"), ...text(3, 90)];
    const whole = await session.forward([{ rows, spans: { image: [{ t: 0 }] }, inputs: {} }]);
    const context = session.start();
    await session.append(context, "prefill", [{ rows: rows.slice(0, 7) }]);
    await session.append(context, "prefill", [{ rows: rows.slice(7, 21) }]);
    const drawn = await session.append(context, "denoise", [{ rows: patches(), spans: { image: [{ t: 0 }] } }]);
    expect(context.length(0)).toBe(21);
    await session.append(context, "read", [{ rows: patches(), spans: { image: [{ t: 0 }] } }]);
    expect(context.length(0)).toBe(85);
    for (let place = 85; place < rows.length; place++) {
      const result = await session.append(context, "decode", [{ rows: [rows[place]!] }]);
      near(result.rows("text.logits", 0).get(place)!, whole.rows("text.logits", 0).get(place)!);
    }
    near(drawn.rows("image.patch.velocity", 0).get(30)!, whole.rows("image.patch.velocity", 0).get(30)!);
    expect(context.bytes).toBeGreaterThan(0);
  });
  test("a part of an image is refused, and nothing is kept of it", async () => {
    const context = session.start();
    await expect(
      session.append(context, "read", [{ rows: patches(63), spans: { image: [{ t: 0 }] } }]),
    ).rejects.toThrow(/read\(image\): 63 of the 64 rows of image\.patch of span 0 were given/);
    expect(context.length(0)).toBe(0);
    await session.append(context, "prefill", [{ rows: text(2) }]);
    expect(context.length(0)).toBe(2);
  });
  test("two calls at once on one context are refused, and a span without its inputs", async () => {
    const context = session.start();
    const first = session.append(context, "prefill", [{ rows: text(3) }]);
    await expect(session.append(context, "prefill", [{ rows: text(2) }])).rejects.toThrow(
      /a call on this context is under way/,
    );
    await first;
    expect(context.length(0)).toBe(3);
    await expect(session.append(context, "denoise", [{ rows: patches() }])).rejects.toThrow(
      /a row of image\.patch is of span 0, and inputs of 0 spans of image were given/,
    );
    await session.append(context, "decode", [{ rows: text(1) }]);
    expect(context.length(0)).toBe(4);
  });
  test("wrong calls say what is wrong", async () => {
    const context = session.start(2);
    await expect(session.append(context, "decode", [{ rows: text(1) }])).rejects.toThrow(
      "1 documents were given, and the batch has 2",
    );
    await expect(session.append(context, "read", [{ rows: text(1) }, { rows: [] }])).rejects.toThrow(
      /has no read for rows of text/,
    );
    await expect(session.append(context, "prefill", [{ rows: [] }, { rows: [] }])).rejects.toThrow(Failure);
    await expect(session.run("speak(text)", {})).rejects.toThrow(/has no program speak\(text\)/);
  });
});
const near = (got: Float32Array, want: Float32Array): void => {
  expect(got.length).toBe(want.length);
  got.forEach((x, i) => expect(Math.abs(x - want[i]!)).toBeLessThanOrEqual(1e-4));
};
