// Models made by hand, lowered and run beside the oracle on batches of documents of unlike length.
import { expect } from "vitest";
import type { Document, Head, Input, Kind, Model, Noise, Row, Seq, Weight } from "../../compiler/analyze/model.ts";
import { evaluate as run, type Values } from "../../compiler/ir/evaluate.ts";
import type { Module, Program } from "../../compiler/ir/module.ts";
import { at as valueAt } from "../../compiler/ir/dim.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { demandOf, rowsOf } from "../../compiler/lower/demand.ts";
import { lower } from "../../compiler/lower/index.ts";
import { evaluate } from "../../compiler/oracle/index.ts";
import * as hand from "../oracle/build.ts";

export const t: Input = {
  name: "t",
  per: { span: "image" },
  type: { kind: "number", shape: [] },
  doc: "how noisy",
  at: hand.at,
};
export const read = (input: Input): Row =>
  ({
    ...hand.row("input", [], { input }, input.type.kind === "number" ? input.type.shape : []),
    index: input.type.kind === "index",
  }) as Row;
/** `silu(linear(features of t))`, at the extent of `x` */
export const condition = (x: Row): Row => {
  const features = hand.row("sinusoid", [x], { dim: 4, period: 100, divisor: 2, scale: 3, order: "cos sin" }, [4]);
  return hand.row("silu", [hand.linear(features, hand.weight("time", [4, 4]))], {}, [4]);
};

export interface Parts extends Omit<hand.Parts, "heads"> {
  /** logits of text rows, and velocities of patches */
  readonly text?: Seq;
  readonly image?: Seq;
}
export const model = (parts: Parts): Model => {
  const { text, image, ...rest } = parts;
  const bare = hand.model(rest);
  const heads: Head[] = [
    ...(text === undefined ? [] : [{ modality: "text", kind: "next_token" as const, value: text, at: hand.at }]),
    ...(image === undefined ? [] : [{ modality: "image", kind: "denoise" as const, value: image, at: hand.at }]),
  ];
  const noise: Noise = {
    modality: "image",
    process: { kind: "flow", clean: 0, noise: 1, predicts: "velocity" },
    given: undefined,
    drawn: undefined,
    after: "given",
  };
  const embeds = new Map(
    [...bare.embeds].map(([kind, { row }]) => [
      kind,
      {
        row,
        arguments:
          kind === "image.patch" ? [{ name: "z", type: "numbers" as const }] : [{ name: "id", type: "index" as const }],
      },
    ]),
  );
  const whole = { ...bare, heads, noise: [noise], embeds };
  return { ...whole, weights: weightsOf(whole) };
};

/** Each weight once, by path, in order of first use. */
const weightsOf = (of: Model): Weight[] => {
  const bodies = [...of.embeds.values()].map((embed) => embed.row);
  for (const seq of demandOf(of, [...of.heads.map((head) => head.value), ...of.steps.map((step) => step.value)])
    .order) {
    const values = "arms" in seq.attrs ? [seq, ...seq.attrs.arms.map((arm) => arm.value)] : [seq];
    for (const value of values) if (value.op === "call") bodies.push(value.attrs.block.body);
    if (seq.op === "map") bodies.push(seq.attrs.body);
  }
  const weights = bodies.flatMap((body) =>
    [...rowsOf(body)].flatMap((row) => (row.op === "weight" ? [row.attrs.weight] : [])),
  );
  return [...new Map(weights.map((weight) => [weight.path, weight])).values()];
};

/** `a` to `b` at the kinds, with a projection called `name`; a head */
export const project = (name: string, of: Seq, out: number, ...kinds: string[]): Seq => {
  const from = kinds.length === of.shapes.size ? of : hand.restrict(of, ...kinds);
  const width = from.shapes.get(kinds[0]!)![0]!;
  return hand.map(hand.linear(hand.parameter(0, width), hand.weight(name, [out, width])), from);
};

// ── Batches ────────────────────────────────────────────────────────────────────────────────────
type Batch = readonly Document[];
const present = (of: Model, batch: Batch): Kind[] => {
  const used = new Set(batch.flatMap((document) => document.rows.map((row) => row.kind)));
  const modalities = new Set(of.kinds.filter((kind) => used.has(kind.name)).map((kind) => kind.modality));
  return of.kinds.filter((kind) => modalities.has(kind.modality));
};
const placesOf = (document: Document, kind: string): number[] =>
  document.rows.flatMap((row, i) => (row.kind === kind ? [i] : []));

/** The sizes of a batch, each kind with one row more than any document has, so that some row is always absent. */
const dimsOf = (of: Model, batch: Batch): Record<string, number> => {
  const spans = (document: Document, modality: string): number =>
    1 + Math.max(0, ...document.rows.filter((row) => row.kind.startsWith(`${modality}.`)).map((row) => row.span));
  return Object.fromEntries([
    ["batch", batch.length],
    ...present(of, batch).map(({ name }) => [
      name,
      1 + Math.max(...batch.map((document) => placesOf(document, name).length)),
    ]),
    ...of.modalities
      .filter(({ kind }) => kind === "span")
      .map(({ name }) => [name, Math.max(...batch.map((d) => spans(d, name)))]),
  ]) as Record<string, number>;
};

/** What every input of `program` is for this batch: what is absent is 0, and -1 in `order`. */
const inputsOf = (of: Model, program: Program, batch: Batch, dims: Record<string, number>): Record<string, Values> =>
  Object.fromEntries(
    program.inputs.map(({ name, type }) => {
      const shape = type.shape.map((dim) => valueAt(dim, dims));
      const data = new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(name.endsWith(".order") ? -1 : 0);
      const each = data.length / batch.length;
      batch.forEach((document, b) => {
        const found = numbersOf(of, name, document);
        data.set(
          found.map((x) => (type.dtype === "f32" ? Math.fround(x) : x)),
          typeof found === "object" && of.inputs.some((i) => i.name === name && i.per === "call") ? 0 : b * each,
        );
      });
      return [name, { shape, data }];
    }),
  );
const numbersOf = (of: Model, name: string, document: Document): number[] => {
  const flat = (value: number | Float32Array): number[] => (typeof value === "number" ? [value] : [...value]);
  const input = of.inputs.find((candidate) => candidate.name === name);
  if (input !== undefined) {
    if (typeof input.per === "string") return flat(document.inputs[name]!);
    if ("span" in input.per) return (document.spans[input.per.span] ?? []).flatMap((values) => flat(values[name]!));
    const { row } = input.per;
    return document.rows.filter(({ kind }) => kind === row).flatMap(({ values }) => flat(values[name]!));
  }
  const kind = of.kinds.find(
    (candidate) => name.startsWith(`${candidate.name}.`) && !name.slice(candidate.name.length + 1).includes("."),
  )!;
  const what = name.slice(kind.name.length + 1);
  const cols = kind.rows.kind === "grid" ? kind.rows.cols : 1;
  return placesOf(document, kind.name).flatMap((place) => {
    const row = document.rows[place]!;
    const known: Record<string, number> = {
      order: place,
      position: place + (document.start ?? 0),
      span: row.span,
      index: row.index,
      row: Math.floor(row.index / cols),
      col: row.index % cols,
    };
    return flat(known[what] ?? row.values[what]!);
  });
};

export const programFor = (module: Module, of: Model, batch: Batch): Program => {
  const modalities = [...new Set(present(of, batch).map((kind) => kind.modality))];
  const name = `forward(${of.modalities
    .map((m) => m.name)
    .filter((m) => modalities.includes(m))
    .join(", ")})`;
  const found = module.programs.find((program) => program.name === name);
  if (found === undefined) throw new Error(`no ${name} among ${module.programs.map((p) => p.name).join("; ")}`);
  return found;
};

export const params = (module: Module): Record<string, Values> =>
  Object.fromEntries(
    module.params.map(({ name, type }) => {
      const shape = type.shape as number[];
      return [
        name,
        {
          shape,
          data: Float64Array.from(
            hand.noise(
              name,
              shape.reduce((a, b) => a * b, 1),
            ),
          ),
        },
      ];
    }),
  );

/** Outputs by name. */
export const outputsOf = (of: Model, module: Module, batch: Batch): Map<string, Values> => {
  const program = programFor(module, of, batch);
  const dims = dimsOf(of, batch);
  const values = run(
    program.outputs.map((output) => output.node),
    { inputs: inputsOf(of, program, batch, dims), params: params(module), dims },
  );
  return new Map(program.outputs.map(({ name }, i) => [name, values[i]!]));
};

/** Every head and tap of the lowered model equals the oracle, row by row, and is 0 where there is no row. */
export const agree = (of: Model, batch: Batch, within = 1e-12): void => {
  const module = lower(of, { taps: true });
  const outputs = outputsOf(of, module, batch);
  let compared = 0;
  batch.forEach((document, b) => {
    const truth = evaluate(of, hand.seeded, document);
    const compare = (name: string, kind: string, rowAt: (place: number) => Float64Array | undefined): void => {
      const { shape, data } = outputs.get(name)!;
      const [, rows, width] = shape as [number, number, number];
      const places = placesOf(document, kind);
      for (let r = 0; r < rows; r++) {
        const got = [...data.subarray((b * rows + r) * width, (b * rows + r + 1) * width)];
        const want = r < places.length ? [...rowAt(places[r]!)!] : got.map(() => 0);
        expect(got.length, name).toBe(want.length);
        got.forEach((x, i) =>
          expect(
            Math.abs(x - want[i]!),
            `${name} of document ${b}, row ${r}: ${x}, not ${want[i]}`,
          ).toBeLessThanOrEqual(within * (1 + Math.abs(want[i]!))),
        );
        compared += places.length > r ? 1 : 0;
      }
    };
    for (const kind of present(of, batch)) {
      const head = of.heads.findIndex(({ value }) => value.shapes.has(kind.name));
      if (head >= 0)
        compare(`${kind.name}.${of.heads[head]!.kind === "denoise" ? "velocity" : "logits"}`, kind.name, (place) =>
          truth.heads[head]!.rows.get(place),
        );
      of.steps.forEach((step, i) => {
        if (step.value.shapes.has(kind.name))
          compare(`tap/${step.path}/${kind.name}`, kind.name, (place) => truth.steps[i]!.rows[place]);
      });
    }
  });
  expect(compared).toBeGreaterThan(0);
};

// ── Graphs ─────────────────────────────────────────────────────────────────────────────────────
export const nodesOf = (program: Program): Node[] => toposort(program.outputs.map((output) => output.node));
/** The shapes of what the weight `name` is applied to. */
export const appliedTo = (program: Program, name: string): string[] =>
  nodesOf(program).flatMap((node) =>
    node.op === "linear" && node.src[1]!.op === "param" && node.src[1]!.attrs.name === name
      ? [`[${node.src[0]!.type.shape.map((dim) => (typeof dim === "number" ? dim : dim.key)).join(", ")}]`]
      : [],
  );
