// Calls that no types have checked: each is refused in words, and leaves the context as it was.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Context } from "../../runtime/context.ts";
import type { Appending } from "../../runtime/document.ts";
import { type DocumentRow, Failure, openSession, type Part, type Session } from "../../runtime/index.ts";
import { HostCaches } from "../../runtime/hostCaches.ts";
import { inside } from "../cli/inside.ts";
import { Hosted } from "../entry.ts";
import { tiny } from "../cli/specs.ts";

const folder = mkdtempSync(join(tmpdir(), "graftwerk-calls-"));
let session: Session;
beforeAll(async () => {
  writeFileSync(join(folder, "tiny.graft"), tiny);
  const args = ["compile", join(folder, "tiny.graft"), "--target", "onnx", "--seed", "3", "--out", join(folder, "out")];
  expect((await inside(args)).status).toBe(0);
  session = await openSession(join(folder, "out"));
});
afterAll(async () => {
  await session.close();
  rmSync(folder, { recursive: true });
});
const row: DocumentRow = { kind: "text", span: 0, index: 0, values: { id: 1 } };

describe("of a session", () => {
  test.each<readonly [unknown, RegExp]>([
    [undefined, /documents are wanted/],
    [{ rows: [row] }, /documents are wanted/],
    [[undefined], /document 0 has no list of rows/],
    [[{ rows: "text" }], /document 0 has no list of rows/],
    [[{ rows: [row, null] }], /row 1 of document 0 is none/],
    [[{ rows: [{ kind: "text", span: 0, index: 0 }] }], /the values of the row at place 0 of document 0 are missing/],
    [[{ rows: [{ ...row, kind: undefined }] }], /has no (forward|prefill) for rows of/],
    [
      [{ rows: [{ ...row, values: { id: [1, 2] } }] }],
      /text\.id of the row at place 0 of document 0 has 1 number, and 2 were/,
    ],
    [[{ rows: [{ ...row, values: { id: ["1"] } }] }], /text\.id of the row at place 0 of document 0 is no number/],
  ])("%j is refused", async (given, reason) => {
    const context = session.start();
    for (const call of [
      session.forward(given as Part[] as never),
      session.append(context, "prefill", given as Part[]),
    ]) {
      const thrown = await call.catch((each: unknown) => each);
      expect(thrown).toBeInstanceOf(Failure);
      expect(String(thrown)).toMatch(reason);
    }
    expect(context.length(0)).toBe(0);
  });
  test("phases that append nothing known are refused", async () => {
    for (const phase of ["forward", "speak"])
      await expect(session.append(session.start(), phase as "decode", [{ rows: [row] }])).rejects.toThrow(
        /there is no phase "\w+" that appends[^]*prefill, decode, read, denoise/,
      );
  });
  test("shapes that are none are refused", async () => {
    const i32 = (shape: unknown) => ({ dtype: "i32" as const, shape: shape as number[], data: Int32Array.of(1, 1) });
    const { inputs } = session.manifest.programs.find(({ name }) => name === "forward(text)")!;
    for (const shape of [[-1, -2], [0.5, 4], ["1", "2"], undefined, "12"]) {
      const given = Object.fromEntries(inputs.map(({ name }) => [name, i32(shape)]));
      await expect(session.run("forward(text)", given), JSON.stringify(shape)).rejects.toThrow(Failure);
    }
    const empty = Object.fromEntries(inputs.map(({ name }) => [name, { ...i32([1, 2]), data: undefined as never }]));
    await expect(session.run("forward(text)", empty)).rejects.toThrow(/has no typed array as its data/);
  });
});

describe("of a context", () => {
  const layout = { model: "M", modalities: modalities(), session: null } as const;
  const program = (kvHeads: number): Appending => ({
    name: "prefill(text)",
    streams: [{ name: "text", kinds: ["text", "image.patch"] }],
    inputs: [],
    kinds: {},
    appends: true,
    hides: false,
    again: [],
    reads: [],
    writes: [{ name: "c", stream: "text", kvHeads, widths: { k: 1, v: 1 } }],
  });
  test("inputs of a span that are given twice are refused", async () => {
    const context = new Hosted(1, layout, []);
    const patch = (index: number): DocumentRow => ({ kind: "image.patch", span: 0, index, values: {} });
    const part = (index: number): Part => ({ rows: [patch(index)], spans: { image: [{ t: 0 }] } });
    const own = { ...program(1), writes: [] };
    await context.append(own, context.documents(own, [part(0)]), {});
    expect(() => context.documents(own, [part(1)])).toThrow(
      /inputs of 2 spans of image were given for document 0, which has rows of 1/,
    );
    expect(context.documents(own, [{ rows: [patch(1)] }])).toHaveLength(1);
    expect(() => context.documents(own, [{ rows: [], spans: { text: [{}] } }])).toThrow(
      /of text were given, which is none/,
    );
  });
  test("rows of which nothing is kept take places and no slots, and nothing of them is freed", async () => {
    const tensor = { dtype: "f32" as const, shape: [1, 4, 1, 1], data: Float32Array.of(1, 2, 3, 4) };
    const own: Appending = {
      ...program(1),
      inputs: [{ name: "past.text.order", dtype: "i32", shape: ["batch", "past.text"], doc: "", below: null }],
    };
    const draft: Appending = { ...own, name: "draft(image)", inputs: [], hides: true, writes: [] };
    const context = new Context(
      1,
      layout,
      new HostCaches(1, own.writes, async () => ({ "new.c.k": tensor, "new.c.v": tensor })),
    );
    const drawn = [0, 1, 2, 3].map((index): DocumentRow => ({ kind: "image.patch", span: 0, index, values: {} }));
    await context.run(own, [{ rows: [row, row] }]);
    await context.run(draft, [{ rows: drawn, spans: { image: [{}] } }]);
    await context.run(own, [{ rows: [row, row, row] }]);
    const slots = async (unseen: readonly string[] = []): Promise<readonly unknown[]> => {
      const { inputs, behind } = await context.ready(own, context.documents(own, [{ rows: [row], unseen }]));
      return [[...inputs["past.text.order"]!.data].slice(0, 6), behind.get("text")];
    };
    expect(context.length(0)).toBe(9);
    expect(await slots()).toEqual([[0, 1, 6, 7, 8, -1], { used: [5], added: [1] }]);
    expect(await slots(["text"])).toEqual([[-1, -1, -1, -1, -1, -1], { used: [5], added: [1] }]);
    context.takeBack(0, 2);
    expect(context.length(0)).toBe(7);
    expect(await slots()).toEqual([[0, 1, 6, -1, -1, -1], { used: [3], added: [1] }]);
    expect(() => context.takeBack(0, 2)).toThrow(/the last 2 rows of document 0 cannot be taken back/);
    context.takeBack(0, 1);
    expect(await slots()).toEqual([[0, 1, -1, -1, -1, -1], { used: [2], added: [1] }]);
  });
  test("what has no room is refused, and what was there stays", async () => {
    const small = program(1);
    const vast = program(2 ** 50);
    const tensor = { dtype: "f32" as const, shape: [1, 1, 1, 1], data: Float32Array.of(7) };
    const given = { "new.c.k": tensor, "new.c.v": tensor };
    const ran: number[] = [];
    const over = (entries: Appending["writes"]): Context =>
      new Context(1, layout, new HostCaches(1, entries, async () => (ran.push(1), given)));
    await expect(over(vast.writes).run(vast, [{ rows: [row] }])).rejects.toThrow(
      /no room for keys and values of [\d,]+ bytes[^]*shorter documents/,
    );
    expect(ran).toEqual([]);
    const context = over(small.writes);
    await context.run(small, [{ rows: [row] }]);
    expect(context.length(0)).toBe(1);
    await expect(context.run(small, [{ rows: [row, row] }])).rejects.toThrow(/no sound new\.c\.k/);
    expect(context.length(0)).toBe(1);
    context.close();
    expect(context.bytes).toBe(0);
    await expect(context.run(small, [{ rows: [row] }])).rejects.toThrow(/the context is closed/);
  });
});
function modalities() {
  return [
    { is: "tokens", name: "text", vocab: 8, added: [] },
    {
      is: "span",
      name: "image",
      segments: [{ is: "grid", kind: "image.patch", rows: 2, cols: 2, width: 1, order: null, channels: null }],
    },
  ] as const;
}
