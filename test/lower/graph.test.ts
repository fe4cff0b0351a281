// What the lowered graphs are made of: which rows each matrix is applied to, what streams there are, what is an input.
import { describe, expect, test } from "vitest";
import type { Input, Mask, Model, Seq } from "../../compiler/analyze/model.ts";
import type { PhaseProgram as Program } from "../../compiler/ir/module.ts";
import { printProgram } from "../../compiler/ir/print.ts";
import { lower } from "../../compiler/lower/index.ts";
import {
  add,
  all,
  and,
  at,
  call,
  causal,
  h0,
  joint,
  key,
  linear,
  map,
  mul,
  not,
  number,
  or,
  parameter,
  patch,
  plainBlock,
  query,
  row,
  select,
  seq,
  und,
  weight,
  within,
} from "../oracle/build.ts";
import { appliedTo, condition, model, nodesOf, project, read, t } from "./build.ts";

const language = (h: Seq, i = 0, sees?: Mask): Seq => call(plainBlock(`language.layers[${i}]`), h, sees);
const vision = (h: Seq, i = 0): Seq => call(plainBlock(`vision.layers[${i}]`), h);
const dual = (h: Seq, i = 0): Seq => select([und, language(h, i)], [patch, vision(h, i)]);
const mask = or(causal, within("image.patch"));
const program = (of: Model, name: string): Program => lower(of).programs.find((p) => p.name === name)!;
const forwards = (of: Model): string[] =>
  lower(of).programs.flatMap(({ kind, name }) => (kind === "forward" ? [name] : []));
const both = "forward(text, image)";
const text = (h: Seq): Seq => project("logits", h, 7, "text");
const image = (h: Seq): Seq => project("leave", h, 2, "image.patch");

const shape = ({ name, type }: Pick<Program["inputs"][number], "name" | "type">): string =>
  `${name} ${type.dtype} ${type.shape.map((d) => (typeof d === "number" ? d : d.key)).join()}`;

/** text and markers: one stream */
const TEXT = "[batch*text, 4]";
const PATCH = "[batch*image.patch, 4]";

describe("row demand", () => {
  test("a dual tower computes q, o and MLP of a tower on its own rows, k and v on all", () => {
    const h = dual(dual(h0), 1);
    const forward = program(model({ steps: [h], mask, text: text(h), image: image(h) }), both);
    for (const i of [0, 1]) {
      for (const w of ["q", "o", "w"]) {
        expect(appliedTo(forward, `language.layers[${i}].${w}`)).toEqual([TEXT]);
        expect(appliedTo(forward, `vision.layers[${i}].${w}`)).toEqual([PATCH]);
      }
      for (const w of ["k", "v"]) {
        expect(appliedTo(forward, `language.layers[${i}].${w}`).sort()).toEqual([PATCH, TEXT]);
        expect(appliedTo(forward, `vision.layers[${i}].${w}`).sort()).toEqual([PATCH, TEXT]);
      }
    }
  });
  test("a joint applies every matrix once", () => {
    const h = joint([und, language(h0)], [patch, vision(h0)]);
    const forward = program(model({ steps: [h], mask, text: text(h), image: image(h) }), both);
    for (const w of ["q", "k", "v", "o", "w"]) {
      expect(appliedTo(forward, `language.layers[0].${w}`)).toEqual([TEXT]);
      expect(appliedTo(forward, `vision.layers[0].${w}`)).toEqual([PATCH]);
    }
  });
  test("keys that no mask lets be seen are not computed", () => {
    const h = select([und, language(h0, 0, key(...und))], [patch, vision(h0)]);
    const forward = program(model({ steps: [h], mask, text: text(h), image: image(h) }), both);
    expect(appliedTo(forward, "language.layers[0].k")).toEqual([TEXT]);
    const blind = program(model({ steps: [h], mask: not(all), text: text(h), image: image(h) }), both);
    expect(appliedTo(blind, "vision.layers[0].k")).toEqual([]);
  });
  test("without text rows' logits, the last text rows are not computed", () => {
    const h = dual(h0);
    const of = model({ steps: [h], mask, image: image(h) });
    expect(forwards(of)).toEqual([both]);
    expect(appliedTo(program(of, both), "language.layers[0].q")).toEqual([]);
    expect(appliedTo(program(of, both), "language.layers[0].k")).toEqual([]);
    expect(lower(of).params.map((p) => p.name)).not.toContain("language.layers[0].k");
  });
  test("a document of text alone reads no weight of the vision tower", () => {
    const h = dual(h0);
    const read = nodesOf(program(model({ steps: [h], mask, text: text(h), image: image(h) }), "forward(text)"));
    const names = read.flatMap((node) => (node.op === "param" ? [node.attrs.name] : []));
    expect(names).toContain("language.layers[0].q");
    expect(names.filter((name) => name.startsWith("vision") || name === "patch")).toEqual([]);
  });
  test("a head is applied to the streams that it reads, whole", () => {
    const h = dual(h0);
    expect(appliedTo(program(model({ steps: [h], mask, text: text(h) }), both), "logits")).toEqual([TEXT]);
    const closed = model({ steps: [h], mask, text: project("logits", h, 7, "text", "image.close") });
    expect(appliedTo(program(closed, both), "logits")).toEqual([TEXT]);
    expect(program(closed, both).outputs.map((o) => o.name)).toEqual(["text.logits"]);
    const apart = model({
      steps: [h],
      mask: and(mask, not(and(query("image.close"), key("image.open")))),
      text: project("logits", h, 7, "text", "image.close"),
    });
    expect(appliedTo(program(apart, both), "logits").sort()).toEqual(["[batch*image.close, 4]", TEXT]);
    expect(program(apart, both).outputs.map((o) => o.name)).toEqual(["text.logits", "image.close.logits"]);
  });
});

describe("extents", () => {
  const at4 = (kinds: readonly string[]): Map<string, readonly number[]> => new Map(kinds.map((kind) => [kind, [4]]));
  const c = select(
    [und, seq("map", { body: condition(number(0)), arguments: [] }, at4(und))],
    [patch, seq("map", { body: condition(read(t)), arguments: [] }, at4(patch))],
  );
  const scaled = map(mul(parameter(0, 4), linear(parameter(1, 4), weight("scale", [4, 4]))), h0, c);
  const forward = program(model({ steps: [scaled], inputs: [t], text: text(scaled), image: image(scaled) }), both);
  test("a matrix on a condition is applied once a span, and once to a constant", () => {
    expect(appliedTo(forward, "time").sort()).toEqual(["[1, 4]", "[batch*image, 4]"]);
    expect(appliedTo(forward, "scale").sort()).toEqual(["[1, 4]", "[batch*image, 4]"]);
  });
  test("a head on a part of a stream reads a span's value once a span", () => {
    const markers = ["image.open", "image.close"];
    const mixed = select(
      [["text", "image.patch"], h0],
      [markers, seq("map", { body: condition(read(t)), arguments: [] }, at4(markers))],
    );
    const of = model({ steps: [mixed], inputs: [t], text: project("logits", mixed, 7, "image.close") });
    expect(appliedTo(program(of, both), "logits")).toEqual(["[batch*image, 4]"]);
  });
  test("documents without the span do not ask for its input", () => {
    const of = model({ steps: [scaled], inputs: [t], text: text(scaled), image: image(scaled) });
    expect(program(of, "forward(text)").inputs.map((p) => p.name)).toEqual(["text.id", "text.order"]);
  });
});

describe("streams", () => {
  test("rows of a stream enter as one and are never moved later", () => {
    const of = (depth: number): Program => {
      let last: Seq = h0;
      for (let i = 0; i < depth; i++) last = dual(last, i);
      return program(model({ steps: [last], mask, text: text(last), image: image(last) }), both);
    };
    const count = (p: Program, op: string): number => nodesOf(p).filter((node) => node.op === op).length;
    for (const op of ["concat", "gather", "where", "slice", "less", "equal"])
      expect(count(of(3), op), op).toBe(count(of(1), op));
  });
});

describe("the call interface", () => {
  test("one kind of row a stream; phases that append read the past and give keys and values", () => {
    const h = dual(h0);
    const of = model({ steps: [h], mask, text: text(h), image: image(h) });
    expect(lower(of).programs.map((p) => p.name)).toEqual([
      "forward(text)",
      both,
      "prefill(text)",
      "prefill(text, image)",
      "decode(text)",
      "read(image)",
      "denoise(image)",
    ]);
    const { inputs, outputs, streams } = program(of, "decode(text)");
    expect(streams).toEqual([{ name: "text", kinds: ["text", "image.open", "image.close"] }]);
    expect(inputs.map(shape)).toEqual([
      "text.id i32 batch,text",
      "text.order i32 batch,text",
      "past.text.order i32 batch,past.text",
      "past.image.patch.order i32 batch,past.image.patch",
      "language.layers[0]/text.k f32 batch,2,past.text,2",
      "language.layers[0]/text.v f32 batch,2,past.text,2",
      "language.layers[0]/image.patch.k f32 batch,2,past.image.patch,2",
      "language.layers[0]/image.patch.v f32 batch,2,past.image.patch,2",
    ]);
    expect(inputs[0]!.doc).toBe("which token each row is; 5 for image.open, 6 for image.close");
    expect(outputs.map(({ name, node }) => shape({ name, type: node.type }))).toEqual([
      "text.logits f32 batch,text,7",
      "new.language.layers[0]/text.k f32 batch,text,2,2",
      "new.language.layers[0]/text.v f32 batch,text,2,2",
      "new.vision.layers[0]/text.k f32 batch,text,2,2",
      "new.vision.layers[0]/text.v f32 batch,text,2,2",
    ]);
  });

  const inputs: Input[] = [
    { name: "gain", per: "call", type: { kind: "number", shape: [] }, doc: "how much", at },
    { name: "label", per: "document", type: { kind: "index", below: 3 }, doc: "", at },
    { name: "feature", per: { row: "image.patch" }, type: { kind: "number", shape: [4] }, doc: "", at },
    t,
  ];
  const [gain, label, feature, noisy] = inputs.map(read) as [
    ReturnType<typeof read>,
    ReturnType<typeof read>,
    ReturnType<typeof read>,
    ReturnType<typeof read>,
  ];
  const labelled = row("lookup", [weight("labels", [3, 4]), label], {}, [4]);
  const body = [feature, labelled, mul(mul(noisy, gain), row("coordinate", [], { axis: "col" }, []))].reduce(
    add,
    parameter(0, 4),
  );
  const h = select([und, language(h0)], [patch, map(body, vision(h0))]);
  const module = lower(model({ steps: [h], mask, inputs, text: text(h), image: image(h) }), {
    taps: true,
    place: ({ path }) => `${path}:1:1`,
  });
  const forward = module.programs.find(({ name }) => name === both)!;
  test("inputs in order, those that are read", () => {
    expect(forward.inputs.map(shape)).toEqual([
      "text.id i32 batch,text",
      "text.order i32 batch,text",
      "image.open.id i32 batch,image.open",
      "image.open.order i32 batch,image.open",
      "image.patch.z f32 batch,image.patch,2",
      "image.patch.col i32 batch,image.patch",
      "feature f32 batch,image.patch,4",
      "image.patch.order i32 batch,image.patch",
      "image.patch.span i32 batch,image.patch",
      "image.close.id i32 batch,image.close",
      "image.close.order i32 batch,image.close",
      "t f32 batch,image",
      "label i32 batch",
      "gain f32 ",
    ]);
    expect(forward.inputs.at(-1)!.doc).toBe("how much");
  });
  test("outputs: heads, then taps", () => {
    expect(forward.outputs.map((o) => o.name)).toEqual([
      "text.logits",
      "image.patch.velocity",
      "tap/fuse[0]/text",
      "tap/fuse[0]/image.open",
      "tap/fuse[0]/image.patch",
      "tap/fuse[0]/image.close",
    ]);
  });
  test("programs by modalities, weights in the order declared, origins", () => {
    const names = module.programs.map((p) => p.name);
    expect(names.slice(0, 3)).toEqual(["forward(text)", "forward(image)", both]);
    expect(names.slice(-3)).toEqual(["decode(text)", "read(image)", "denoise(image)"]);
    expect(new Set(names).size).toBe(names.length);
    expect(module.params.map((p) => p.name)).toEqual(
      model({ steps: [h], mask, inputs, text: text(h), image: image(h) }).weights.map((w) => w.path),
    );
    expect(module.params[0]!.doc).toBe("hand-made:1:1");
    const origins = nodesOf(forward).map((node) => node.origin?.path);
    expect(origins.some((path) => path?.endsWith("/body/attend"))).toBe(true);
    expect(origins).toContain("text.logits");
  });
  test("attention says whether each query sees a key", () => {
    const covered = (m: Mask): boolean[] =>
      nodesOf(program(model({ steps: [dual(h0)], mask: m, text: text(dual(h0)) }), "forward(text)")).flatMap((n) =>
        n.op === "attention" ? [n.attrs.covered] : [],
      );
    expect(covered(causal)).toEqual([true]);
    expect(covered(within("text"))).toEqual([true]);
    expect(covered(not(causal))).toEqual([false]);
  });
});

test("a thousand layers in a few seconds, on a stack of usual size", () => {
  let h: Seq = h0;
  for (let i = 0; i < 1024; i++) h = dual(h, i);
  const of = model({ steps: [h], mask, text: text(h), image: image(h) });
  // Of the processor: other tests run beside this one.
  const from = process.cpuUsage();
  const module = lower(of);
  expect(process.cpuUsage(from).user / 1e6).toBeLessThan(20);
  expect(
    appliedTo(
      module.programs.find(({ name }) => name === both)!,
      "language.layers[1023].q",
    ),
  ).toEqual([TEXT]);
}, 60_000);

test("a small dual tower, whole", async () => {
  const h = dual(h0);
  const of = model({ steps: [h], mask, text: text(h), image: image(h) });
  const print = (): string => `${lower(of).programs.map(printProgram).join("\n\n")}\n`;
  expect(print()).toBe(print());
  await expect(print()).toMatchFileSnapshot("golden/dual.ir.txt");
});
