// Models made by hand, lowered and run beside the oracle on batches of documents of unlike length.
import { expect } from "vitest";
import type {
  Document,
  Head,
  Input,
  Kind,
  Model,
  Noise,
  Row,
  Seq,
  SessionTerm,
  Weight,
} from "../../compiler/analyze/model.ts";
import { evaluate as run, type Values } from "../../compiler/ir/evaluate.ts";
import type { ModelModule as Module, PhaseProgram as Program } from "../../compiler/ir/module.ts";
import { at as valueAt } from "../../compiler/ir/dim.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { lower } from "../../compiler/lower/index.ts";
import { evaluate } from "../../compiler/oracle/index.ts";
import { rowsOf, sorted } from "../../compiler/rows/walk.ts";
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
  /** the input that says how noisy a drawn image is; 0 for a clean one */
  readonly noisy?: Input;
  /** what later rows see of a drawing; `given` if left out */
  readonly after?: Noise["after"];
  readonly session?: readonly SessionTerm[];
}
export const model = (parts: Parts): Model => {
  const { text, image, noisy, after = "given", session, ...rest } = parts;
  const bare = hand.model(rest);
  const heads: Head[] = [
    ...(text === undefined ? [] : [{ modality: "text", kind: "next_token" as const, value: text, at: hand.at }]),
    ...(image === undefined ? [] : [{ modality: "image", kind: "denoise" as const, value: image, at: hand.at }]),
  ];
  const noise: Noise = {
    modality: "image",
    process: { kind: "flow", clean: 0, noise: 1, predicts: "velocity" },
    given: noisy && { input: noisy, value: 0 },
    drawn: noisy && { input: noisy, distribution: { name: "uniform", arguments: [0, 1] } },
    after,
    at: hand.at,
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
  const whole = { ...bare, heads, noise: [noise], embeds, session };
  return { ...whole, weights: weightsOf(whole) };
};

/** Each weight once, by path, in order of first use. */
const weightsOf = (of: Model): Weight[] => {
  const bodies = [...of.embeds.values()].map((embed) => embed.row);
  for (const seq of sorted([...of.heads.map((head) => head.value), ...of.steps.map((step) => step.value)])) {
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
/** The rows of one document that a call is given, by their places. */
export interface Piece {
  readonly document: Document;
  readonly places: readonly number[];
}
export const whole = (document: Document): Piece => ({ document, places: [...document.rows.keys()] });

const present = (of: Model, batch: readonly Document[]): Kind[] => {
  const used = new Set(batch.flatMap((document) => document.rows.map((row) => row.kind)));
  const modalities = new Set(of.kinds.filter((kind) => used.has(kind.name)).map((kind) => kind.modality));
  return of.kinds.filter((kind) => modalities.has(kind.modality));
};

/**
 * Where the rows of each stream stand: places by document and slot, -1 where there is no row. Rows of a stream stand in
 * any order, and one more than any document has is always absent: here they run backwards in every second document, after
 * the absent ones.
 */
export type Slots = ReadonlyMap<string, readonly (readonly number[])[]>;
export const slotsOf = ({ streams }: Program, pieces: readonly Piece[]): Slots =>
  new Map(
    streams.map(({ name, kinds }) => {
      const found = pieces.map(({ document, places }) =>
        places.filter((place) => kinds.includes(document.rows[place]!.kind)),
      );
      const count = 1 + Math.max(...found.map((places) => places.length));
      const filled = found.map((places) => [...places, ...Array<number>(count - places.length).fill(-1)]);
      return [name, filled.map((places, b) => (b % 2 === 0 ? places : places.toReversed()))];
    }),
  );

/** The sizes of a batch: its documents, the rows of each stream, the spans of each modality. */
export const dimsOf = (of: Model, pieces: readonly Piece[], slots: Slots): Record<string, number> => {
  const spans = ({ document }: Piece, modality: string): number =>
    1 + Math.max(0, ...document.rows.filter((row) => row.kind.startsWith(`${modality}.`)).map((row) => row.span));
  return Object.fromEntries([
    ["batch", pieces.length],
    ...[...slots].map(([name, [first]]) => [name, first!.length] as const),
    ...of.modalities
      .filter(({ kind }) => kind === "span")
      .map(({ name }) => [name, Math.max(...pieces.map((piece) => spans(piece, name)))] as const),
  ]) as Record<string, number>;
};

/** What every input of `program` but its past is for these rows: what is absent is 0, and -1 in `order`. */
export const inputsOf = (
  of: Model,
  program: Program,
  pieces: readonly Piece[],
  slots: Slots,
  dims: Record<string, number>,
): Record<string, Values> => {
  const past = new Set(program.reads.flatMap(({ name, stream }) => [`${name}.k`, `${name}.v`, ...pastPlaces(stream)]));
  return Object.fromEntries(
    program.inputs
      .filter(({ name }) => !past.has(name))
      .map(({ name, type }) => {
        const shape = type.shape.map((dim) => valueAt(dim, dims));
        const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
        const perCall = of.inputs.some((input) => input.name === name && input.per === "call");
        pieces.forEach((piece, b) => {
          const found = numbersOf(
            of,
            name,
            piece.document,
            (stream) => slots.get(stream)?.[b],
            data.length / pieces.length,
          );
          data.set(
            found.map((x) => (type.dtype === "f32" ? Math.fround(x) : x)),
            perCall ? 0 : b * (data.length / pieces.length),
          );
        });
        return [name, { shape, data }];
      }),
  );
};
export const pastPlaces = (stream: string): [order: string, span: string] => [
  `past.${stream}.order`,
  `past.${stream}.span`,
];

const flat = (value: number | Float32Array): number[] => (typeof value === "number" ? [value] : [...value]);
/** What one document has for an input; `size` numbers, fewer where the rest is absent. */
const numbersOf = (
  of: Model,
  name: string,
  document: Document,
  slots: (stream: string) => readonly number[] | undefined,
  size: number,
): number[] => {
  const input = of.inputs.find((candidate) => candidate.name === name);
  if (input !== undefined && typeof input.per === "string") return flat(document.inputs[name]!);
  if (input !== undefined && typeof input.per === "object" && "span" in input.per)
    return (document.spans[input.per.span] ?? []).flatMap((values) => flat(values[name]!));
  const dot = name.lastIndexOf(".");
  const [stream, what] = input === undefined ? [name.slice(0, dot), name.slice(dot + 1)] : [rowOf(input), name];
  const places = slots(stream);
  if (places === undefined) throw new Error(`no stream of ${name}`);
  return places.flatMap((place) =>
    place < 0
      ? Array<number>(size / places.length).fill(what === "order" ? -1 : 0)
      : flat(valueOf(of, document, place, what)),
  );
};
const rowOf = ({ per }: Input): string => {
  if (typeof per === "object" && "row" in per) return per.row;
  throw new Error("not an input of rows");
};
const valueOf = (of: Model, document: Document, place: number, what: string): number | Float32Array => {
  const row = document.rows[place]!;
  const { rows } = of.kinds.find((kind) => kind.name === row.kind)!;
  const cols = rows.kind === "grid" ? rows.cols : 1;
  const known: Record<string, number> = {
    order: place,
    position: place + (document.start ?? 0),
    span: row.span,
    index: row.index,
    row: Math.floor(row.index / cols),
    col: row.index % cols,
    ...(rows.kind === "marker" && { id: rows.id }),
  };
  return known[what] ?? row.values[what]!;
};

/** The program for whole documents whose streams are those of the batch's modalities. */
export const programFor = (module: Module, of: Model, batch: readonly Document[]): Program => {
  const kinds = present(of, batch).map((kind) => kind.name);
  const has = (program: Program, kind: string): boolean => program.streams.some((s) => s.kinds.includes(kind));
  const found = module.programs.find(
    (program) =>
      program.kind === "forward" &&
      kinds.every((kind) => has(program, kind)) &&
      program.streams.every((stream) => stream.kinds.some((kind) => kinds.includes(kind))),
  );
  return found ?? missing(module, `forward of ${kinds.join(", ")}`);
};
export const programNamed = (module: Module, name: string): Program => {
  const found = module.programs.find((program) => program.name === name);
  return found ?? missing(module, name);
};
const missing = (module: Module, name: string): never => {
  throw new Error(`no ${name} among ${module.programs.map((p) => p.name).join("; ")}`);
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
export const outputsOf = (of: Model, module: Module, batch: readonly Document[]): Map<string, Values> => {
  const program = programFor(module, of, batch);
  const pieces = batch.map(whole);
  const slots = slotsOf(program, pieces);
  const dims = dimsOf(of, pieces, slots);
  const inputs = inputsOf(of, program, pieces, slots, dims);
  return outputsFor(program, { inputs, params: params(module), dims });
};
export const outputsFor = (program: Program, given: Parameters<typeof run>[1]): Map<string, Values> => {
  const values = run(
    program.outputs.map((output) => output.node),
    given,
  );
  return new Map(program.outputs.map(({ name }, i) => [name, values[i]!]));
};

/** Fails where numbers differ by more than `within`, as a part of what is wanted or, for small ones, of 1. */
export const near = (got: readonly number[], want: readonly number[], within: number, what: () => string): void => {
  expect(got.length, what()).toBe(want.length);
  got.forEach((x, i) => {
    // Written so that NaN fails.
    if (!(Math.abs(x - want[i]!) <= within * (1 + Math.abs(want[i]!)))) expect.fail(`${what()}: ${x}, not ${want[i]}`);
  });
};
export const rowsAt = ({ shape, data }: Values, b: number): number[][] => {
  const [, rows, width] = shape as [number, number, number];
  return Array.from({ length: rows }, (_, r) => [...data.subarray((b * rows + r) * width, (b * rows + r + 1) * width)]);
};

/** Every head and tap of the lowered model equals the oracle, row by row, and is 0 where there is no row. */
export const agree = (of: Model, batch: readonly Document[], within = 1e-12): void => {
  const module = lower(of, { taps: true });
  const program = programFor(module, of, batch);
  const outputs = outputsOf(of, module, batch);
  const slots = slotsOf(program, batch.map(whole));
  const expected = new Set<string>();
  let compared = 0;
  batch.forEach((document, b) => {
    const truth = evaluate(of, hand.seeded, document);
    const compare = (
      name: string,
      stream: string,
      of: Seq,
      rowAt: (place: number) => Float64Array | undefined,
    ): void => {
      expected.add(name);
      rowsAt(outputs.get(name)!, b).forEach((got, r) => {
        const place = slots.get(stream)![b]![r]!;
        // Rows of a kind that the head does not have hold nothing of meaning.
        if (place >= 0 && !of.shapes.has(document.rows[place]!.kind)) return;
        const want = place >= 0 ? [...rowAt(place)!] : got.map(() => 0);
        near(got, want, within, () => `${name} of document ${b}, row ${r}`);
        if (place >= 0) compared++;
      });
    };
    for (const { name, kinds } of program.streams) {
      of.heads.forEach((head, i) => {
        if (!kinds.some((kind) => head.value.shapes.has(kind))) return;
        const what = head.kind === "denoise" ? "velocity" : "logits";
        compare(`${name}.${what}`, name, head.value, (place) => truth.heads[i]!.rows.get(place));
      });
      of.steps.forEach((step, i) => {
        if (kinds.some((kind) => step.value.shapes.has(kind)))
          compare(`tap/${step.path}/${name}`, name, step.value, (place) => truth.steps[i]!.rows[place]);
      });
    }
  });
  expect([...outputs.keys()].sort()).toEqual([...expected].sort());
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
