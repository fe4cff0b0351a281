// What may follow what: the runtime refuses a document that the model's `session` excludes, for caches hold nothing for it;
// and numbers that name no row of a table, with their name, place and limit.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DocumentRow, Failure, openSession, type Session } from "../../runtime/index.ts";
import { type Callable, pack } from "../../runtime/document.ts";
import { BEGIN, follow, type Layout } from "../../runtime/order.ts";
import { inside } from "../cli/inside.ts";

const text = (ids: readonly number[]): DocumentRow[] =>
  ids.map((id) => ({ kind: "text", span: 0, index: 0, values: { id } }));
const PATCHES = 4;
const patches = (span = 0, first = 0, end = PATCHES): DocumentRow[] =>
  Array.from({ length: end - first }, (_, i) => ({
    kind: "image.patch",
    span,
    index: first + i,
    values: { z: Float32Array.from({ length: 12 }, (_number, n) => Math.sin(i * 12 + n)) },
  }));
const marker = (kind: string, span = 0): DocumentRow => ({ kind, span, index: 0, values: {} });

/** `t` a token, `(`, `p`, `)` the rows of an image, `i` a whole one; images are counted. */
const rowsOf = (letters: string): DocumentRow[] => {
  let images = 0;
  return [...letters].flatMap((letter): DocumentRow[] => {
    if (letter === "t") return text([1]);
    if (letter === "(") return [marker("image.open", images)];
    if (letter === "p") return patches(images, 0, 1);
    if (letter === ")") return [marker("image.close", images++)];
    const span = images++;
    return [marker("image.open", span), ...patches(span), marker("image.close", span)];
  });
};
const layout = (said: string): Layout => ({
  model: "M",
  modalities: [
    { is: "tokens", name: "text", vocab: 8, added: [] },
    {
      is: "span",
      name: "image",
      segments: [
        { is: "marker", kind: "image.open", token: "", id: 0, text: "text" },
        { is: "grid", kind: "image.patch", rows: 2, cols: 2, width: 12, order: null, channels: null },
        { is: "marker", kind: "image.close", token: "", id: 1, text: "text" },
      ],
    },
  ],
  session:
    said === ""
      ? null
      : said.split(" ").map((term) => {
          const [, modality, repeat] = /^(\w+)(.?)$/.exec(term)!;
          return { modality: modality!, repeat: repeat as "" | "?" | "*" | "+" };
        }),
});

describe("the order of a document", () => {
  test.each([
    ["", "", true],
    ["", "titiit", true],
    ["text image text", "ttt", true],
    ["text image text", "titt", true],
    ["text image text", "i", false],
    ["text image text", "tii", false],
    ["text image text", "titi", false],
    ["text image", "t(p)", true],
    ["text image", "t(p)t", false],
    ["text image", "t(p)(", false],
    ["text? image", "i", true],
    ["text? image", "ti", true],
    ["text? image", "it", false],
    ["text image*", "t", true],
    ["text image*", "tiii", true],
    ["text image*", "tit", false],
    ["text image+ text", "tiit", true],
    ["text image+ text", "titi", false],
    ["text text image", "ttti", true],
    ["image? text? image", "ii", true],
    ["image? text? image", "iii", false],
  ] as const)("session = %s: %s is allowed: %s", (said, letters, allowed) => {
    const rows = rowsOf(letters);
    const whole = (): unknown => follow(layout(said), BEGIN, rows);
    const byRow = (): unknown => rows.reduce((course, row) => follow(layout(said), course, [row]), BEGIN);
    for (const run of [whole, byRow]) {
      if (allowed) run();
      else expect(run).toThrow(`M says \`session = ${said}\``);
    }
  });
  test.each([
    ["a marker after what it opens", [...patches(0), marker("image.open", 0)]],
    ["a marker twice", [marker("image.open"), marker("image.open")]],
    ["patches backwards", [...patches(0, 2), ...patches(0, 0, 2)]],
    ["an image under the number of an earlier one", [...rowsOf("iti"), ...text([1]), ...patches(0)]],
    ["two images under one number", [...rowsOf("it"), marker("image.open", 0)]],
  ])("%s is refused", (_, rows) => {
    expect(() => follow(layout(""), BEGIN, rows)).toThrow(
      /cannot follow row \d+ of image\.\w+ of span \d[^]*number of its own/,
    );
  });
  test("rows of no modality are refused", () => {
    expect(() => follow(layout(""), BEGIN, [marker("sound")])).toThrow("M has no rows of sound");
  });
});

describe("a compiled folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-order-"));
  let session: Session;
  beforeAll(async () => {
    const spec = readFileSync(new URL("../../examples/xfusion/xfusion.graft", import.meta.url), "utf8")
      .replaceAll("rows = 8", "rows = 2")
      .replaceAll("patch = 48", "patch = 12")
      .replaceAll(', close: text "<eoi>"', "")
      .replaceAll(", image.close", "")
      .replaceAll("mask = causal or", "session = text image\n  input label: index(10) per image\n  mask = causal or")
      .replaceAll("position = running", "position = running(limit: 40)");
    writeFileSync(join(folder, "x.graft"), spec);
    const args = ["compile", join(folder, "x.graft"), "--model", "DualTower", "--target", "onnx", "--seed", "3"];
    const { status, stderr } = await inside([...args, "--out", join(folder, "out")]);
    expect([status, stderr]).toEqual([0, ""]);
    session = await openSession(join(folder, "out"));
  });
  afterAll(async () => {
    await session.close();
    rmSync(folder, { recursive: true });
  });
  const image = { image: [{ t: 0, label: 3 }] };

  test("what the session excludes is refused, and nothing is kept of it", async () => {
    const context = session.start();
    await session.append(context, "prefill", [{ rows: text([1, 2]) }]);
    await session.append(context, "denoise", [{ rows: patches(), spans: image }]);
    await session.append(context, "read", [{ rows: patches(), spans: image }]);
    expect(context.length(0)).toBe(6);
    await expect(session.append(context, "decode", [{ rows: text([3]) }])).rejects.toThrow(
      /text cannot follow image\.patch here: DualTower says `session = text image`[^]*compile it again/,
    );
    await expect(session.append(context, "denoise", [{ rows: patches(1), spans: image }])).rejects.toThrow(Failure);
    expect(context.length(0)).toBe(6);
    await expect(session.append(session.start(), "read", [{ rows: patches(), spans: image }])).rejects.toThrow(
      "a document cannot begin with image",
    );
  });
  test("a phase that leaves nothing has no graph, and may be run", async () => {
    const entry = session.manifest.programs.find(({ name }) => name === "read(image)")!;
    expect([entry.graph, entry.outputs]).toEqual([null, []]);
    expect(await session.run("read(image)", {})).toEqual({});
    const context = session.start();
    const result = await session.append(context, "prefill", [{ rows: text([1]) }]);
    expect(result.rows("text.logits", 0).size).toBe(0);
    const read = await session.append(context, "read", [{ rows: patches(), spans: image }]);
    expect([read.program, read.tensors]).toEqual(["read(image)", {}]);
    await expect(session.append(session.start(), "read", [{ rows: patches(0, 1), spans: image }])).rejects.toThrow(
      /3 of the 4 rows of image\.patch/,
    );
  });
  test.each([[-1], [258], [1.5], [NaN], [2 ** 32 + 1], [Float32Array.of(-0.5)], ["7"], [7n], [null]])(
    "the id %s is refused with its name, place and limit",
    async (id) => {
      const context = session.start(2);
      const rows = [...text([1, 2]), { ...text([0])[0]!, values: { id: id as number } }];
      await expect(session.append(context, "prefill", [{ rows: text([1]) }, { rows }])).rejects.toThrow(
        typeof id === "number" || id instanceof Float32Array
          ? /the input text\.id of the row at place 2 of document 1 is [^]*a whole number from 0 to 257/
          : /the input text\.id of the row at place 2 of document 1 is/,
      );
      expect(context.length(1)).toBe(0);
    },
  );
  test("positions, spans and indices too", async () => {
    const fails = async (rows: DocumentRow[], reason: RegExp) =>
      expect(session.append(session.start(), "prefill", [{ rows }])).rejects.toThrow(reason);
    await fails(
      text(Array<number>(41).fill(1)),
      /text\.position of the row at place 40 of document 0 is 40[^]*whole number from 0 to 39/,
    );
    await fails([{ ...text([1])[0]!, span: -1 }], /the span of the row at place 0 of document 0 is -1/);
    await fails([{ ...text([1])[0]!, index: 0.5 }], /the index of the row at place 0 of document 0 is 0\.5/);
    const beyond = [...patches().slice(1), { ...patches()[0]!, index: 4 }];
    const context = session.start();
    await session.append(context, "prefill", [{ rows: text([1]) }]);
    await expect(session.append(context, "read", [{ rows: beyond, spans: image }])).rejects.toThrow(
      /the index of the row at place 4 of document 0 is 4[^]*whole number from 0 to 3/,
    );
  });
  test("tensors of a raw call are held against the ports", async () => {
    const i32 = (shape: number[], ...data: number[]) => ({ dtype: "i32" as const, shape, data: Int32Array.from(data) });
    const sound = {
      "text.id": i32([1, 2], 5, 6),
      "text.order": i32([1, 2], 0, 1),
      "text.position": i32([1, 2], 0, 1),
    };
    const { inputs } = session.manifest.programs.find(({ name }) => name === "forward(text)")!;
    expect(inputs.map(({ name }) => name)).toEqual(Object.keys(sound));
    expect((await session.run("forward(text)", sound))["text.logits"]!.shape).toEqual([1, 2, 258]);
    const fails = (changed: object, reason: RegExp) =>
      expect(session.run("forward(text)", { ...sound, ...changed })).rejects.toThrow(reason);
    await fails({ "text.id": i32([1, 2], 5, 258) }, /the input text\.id at \[0, 1\] is 258[^]*from 0 to 257/);
    await fails({ "text.position": i32([1, 2], -1, 1) }, /the input text\.position at \[0, 0\] is -1[^]*from 0 to 39/);
    await fails({ "text.id": i32([2], 5, 6) }, /text\.id is \[batch, text\], and \[2\] was given/);
    await fails({ "text.order": i32([1, 3], 0, 1, 2) }, /text\.order is \[batch, text\][^]*text is 2 in text\.id/);
    await fails({ "text.id": { dtype: "f32", shape: [1, 2], data: new Float32Array(2) } }, /is i32, and f32 was given/);
    await fails({ more: i32([1], 1) }, /has no input more/);
    await fails({ "text.id": undefined }, /text\.id is missing/);
  });
  test("wrong handles are refused", async () => {
    for (const batch of [0, -1, 1.5, NaN])
      expect(() => session.start(batch)).toThrow(/a batch has 1 or more documents/);
    const result = await session.forward([{ rows: text([1, 2]) }]);
    expect(result.rows("text.logits", 0).size).toBe(2);
    expect(() => result.rows("text.logits", 1)).toThrow("document 1 was asked for, and the call had 1");
    expect(() => session.start().length(1)).toThrow("document 1 was asked for, and the batch has 1");
    const other = await openSession(join(folder, "out"));
    await expect(other.append(session.start(), "prefill", [{ rows: text([1]) }])).rejects.toThrow(/of another session/);
    const running = other.forward([{ rows: text([1, 2, 3]) }]);
    await other.close();
    await running.catch((thrown: unknown) => expect(thrown).toBeInstanceOf(Failure));
    await expect(other.forward([{ rows: text([1]) }])).rejects.toThrow(/is closed/);
  });
  test("a graph of other ports than the manifest says is not opened", async () => {
    const out = join(folder, "out");
    const path = join(out, "manifest.json");
    const before = readFileSync(path, "utf8");
    const file = (name: string): string => session.manifest.programs.find((each) => each.name === name)!.graph!.file;
    writeFileSync(path, before.replace(`"${file("forward(text)")}"`, `"${file("prefill(text)")}"`));
    try {
      const tampered = await openSession(out);
      await expect(tampered.forward([{ rows: text([1]) }])).rejects.toThrow(/has other (in|out)puts than the manifest/);
      await tampered.close();
    } finally {
      writeFileSync(path, before);
    }
  });
});

test("a value that a row lacks is not taken from elsewhere", () => {
  const program: Callable = {
    name: "forward(text)",
    streams: [{ name: "text", kinds: ["text", "image.open"] }],
    inputs: [{ name: "strength", dtype: "f32", shape: ["batch", "text"], below: null, doc: "" }],
    kinds: { "image.open": { id: 7 } },
  };
  expect(() => pack(program, [{ rows: [marker("image.open")], spans: {}, inputs: {} }])).toThrow(
    "the input strength of the row at place 0 of document 0 is missing",
  );
});
