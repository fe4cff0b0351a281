// Models made by hand, without the language: just enough to say in a test what is evaluated. Nothing is checked here.
import type {
  At,
  Block,
  Document,
  DocumentRow,
  Head,
  Init,
  Input,
  Kind,
  Mask,
  Modality,
  Model,
  Row,
  RowOf,
  RowOp,
  RowOps,
  Seq,
  SeqOf,
  SeqOp,
  SeqOps,
  Values,
  Weight,
} from "../../compiler/analyze/model.ts";
import { evaluate } from "../../compiler/oracle/index.ts";
import type { Event, Result } from "../../compiler/oracle/index.ts";

export const at: At = { path: "hand-made", span: { from: 0, to: 0 } };

// ── Rows ───────────────────────────────────────────────────────────────────────────────────────
export function row<K extends RowOp>(op: K, src: readonly Row[], attrs: RowOps[K], shape: readonly number[]): RowOf<K> {
  return { op, src, attrs, shape, index: false, name: undefined, path: "body", at };
}
export function weight(path: string, shape: readonly number[]): Row {
  const init: Init = { kind: "unset" };
  const weight: Weight = { path, shape, init, trained: false, aliases: [], sources: [], at };
  return row("weight", [], { weight }, shape);
}
export const number = (value: number): Row => row("number", [], { value }, []);
export const parameter = (index: number, ...shape: number[]): Row => row("parameter", [], { index }, shape);
export const argument = (name: string, ...shape: number[]): Row => row("argument", [], { argument: name }, shape);
export const id: Row = { ...row("argument", [], { argument: "id" }, []), index: true } as Row;
export const add = (a: Row, b: Row): Row =>
  row("add", [a, b], {}, a.shape.length >= b.shape.length ? a.shape : b.shape);
export const mul = (a: Row, b: Row): Row =>
  row("mul", [a, b], {}, a.shape.length >= b.shape.length ? a.shape : b.shape);
export const linear = (x: Row, w: Row): Row => row("linear", [x, w], {}, [w.shape[0]!]);
export const split = (x: Row, heads: number): Row => row("split", [x], { heads }, [heads, x.shape[0]! / heads]);
export const merge = (x: Row): Row => row("merge", [x], {}, [x.shape[0]! * x.shape[1]!]);
export function attend(q: Row, k: Row, v: Row, scale: number, softcap?: number): RowOf<"attend"> {
  return row("attend", [q, k, v], { scale, softcap }, [q.shape[0]!, v.shape[1]!]);
}

// ── Blocks ─────────────────────────────────────────────────────────────────────────────────────
export function block(path: string, body: Row, attends: readonly RowOf<"attend">[], parameters = 1): Block {
  const names = Array.from({ length: parameters }, (_, i) => ({ name: `p${i}`, shape: body.shape, optional: i > 0 }));
  return { path, template: "Hand", parameters: names, body, attends, at };
}
export interface Sizes {
  readonly width?: number;
  readonly heads?: number;
  readonly kv?: number;
  readonly scale?: number;
  readonly softcap?: number;
}
/** `y = x + o attend(q x, k x, v x)`, then `y + tanh(w y)`: one attend, two residual adds. */
export function plainBlock(
  path: string,
  { width = 4, heads = 2, kv = heads, scale = 0.5, softcap }: Sizes = {},
): Block {
  const d = width / heads;
  const x = parameter(0, width);
  const project = (name: string, out: number): Row => linear(x, weight(`${path}.${name}`, [out, width]));
  const seen = attend(
    split(project("q", width), heads),
    split(project("k", kv * d), kv),
    split(project("v", kv * d), kv),
    scale,
    softcap,
  );
  const y = add(x, linear(merge(seen), weight(`${path}.o`, [width, width])));
  return block(path, add(y, row("tanh", [linear(y, weight(`${path}.w`, [width, width]))], {}, [width])), [seen]);
}

// ── Sequences ──────────────────────────────────────────────────────────────────────────────────
export type Shapes = ReadonlyMap<string, readonly number[]>;
export function seq<K extends SeqOp>(op: K, attrs: SeqOps[K], shapes: Shapes): SeqOf<K> {
  return { op, attrs, shapes, path: "fuse[0]", name: undefined, at };
}
const only = (shapes: Shapes, kinds: readonly string[]): Shapes =>
  new Map([...shapes].filter(([kind]) => kinds.includes(kind)));
const join = (parts: readonly Shapes[]): Shapes => new Map(parts.flatMap((shapes) => [...shapes]));

export const embed = (shapes: Shapes): Seq => seq("embed", {}, shapes);
export const call = (block: Block, of: Seq, sees?: Mask): SeqOf<"call"> =>
  seq("call", { block, arguments: [of], sees }, of.shapes);
export const restrict = (of: Seq, ...kinds: string[]): Seq => seq("restrict", { of }, only(of.shapes, kinds));
export const union = (...parts: Seq[]): Seq => seq("union", { parts }, join(parts.map(({ shapes }) => shapes)));
type Arms = readonly (readonly [kinds: readonly string[], value: Seq])[];
function routed(op: "select" | "joint", arms: Arms): Seq {
  const attrs = { arms: arms.map(([kinds, value]) => ({ kinds, value })) };
  return seq(op, attrs, join(arms.map(([kinds, value]) => only(value.shapes, kinds))));
}
export const select = (...arms: Arms): Seq => routed("select", arms);
export const joint = (...arms: Arms): Seq => routed("joint", arms);
/** `body` row by row on the rows of the first argument */
export function map(body: Row, ...of: [Seq, ...Seq[]]): Seq {
  return seq("map", { body, arguments: of }, new Map([...of[0].shapes.keys()].map((kind) => [kind, body.shape])));
}

export const causal: Mask = { op: "causal" };
export const all: Mask = { op: "all" };
export const within = (...kinds: string[]): Mask => ({ op: "within", kinds });
export const key = (...kinds: string[]): Mask => ({ op: "key", kinds });
export const query = (...kinds: string[]): Mask => ({ op: "query", kinds });
export const or = (left: Mask, right: Mask): Mask => ({ op: "or", left, right });
export const and = (left: Mask, right: Mask): Mask => ({ op: "and", left, right });
export const not = (of: Mask): Mask => ({ op: "not", of });

// ── The model and its documents ────────────────────────────────────────────────────────────────
/** Kinds of a model with text and images of 2 x 3 patches between two markers; every row is 4 wide in `h`. */
export const kinds: readonly Kind[] = [
  { name: "text", modality: "text", width: 4, rows: { kind: "token" } },
  { name: "image.open", modality: "image", width: 4, rows: { kind: "marker", of: "text", id: 5, token: "<boi>" } },
  {
    name: "image.patch",
    modality: "image",
    width: 4,
    rows: { kind: "grid", rows: 2, cols: 3, width: 2, order: undefined, channels: undefined },
  },
  { name: "image.close", modality: "image", width: 4, rows: { kind: "marker", of: "text", id: 6, token: "<eoi>" } },
];
export const und = ["text", "image.open", "image.close"];
export const patch = ["image.patch"];
const modalities: readonly Modality[] = [
  { kind: "tokens", name: "text", vocab: 5, added: ["<boi>", "<eoi>"], doc: "" },
  { kind: "span", name: "image", segments: ["image.open", "image.patch", "image.close"], doc: "" },
];
const token: Row = row("lookup", [weight("embed", [7, 4]), id], {}, [4]);
export const h0 = embed(new Map(kinds.map(({ name }) => [name, [4]])));

export interface Parts {
  readonly steps?: readonly Seq[];
  readonly heads?: readonly Seq[];
  readonly mask?: Mask;
  readonly inputs?: readonly Input[];
  readonly embeds?: Readonly<Record<string, Row>>;
  readonly limit?: number;
}
export function model({
  steps = [h0],
  heads = [],
  mask = causal,
  inputs = [],
  embeds = {},
  limit = 4096,
}: Parts): Model {
  const rows: Readonly<Record<string, Row>> = {
    text: token,
    "image.patch": linear(argument("z", 2), weight("patch", [4, 2])),
    ...embeds,
  };
  return {
    name: "Hand",
    doc: "",
    losses: [],
    guides: [],
    modalities,
    kinds,
    inputs,
    weights: [],
    ignored: [],
    towers: [],
    mask,
    noise: [],
    at,
    embeds: new Map(Object.entries(rows).map(([kind, row]) => [kind, { arguments: [], row }])),
    steps: steps.map((value, i) => ({ path: `fuse[${i}]`, value, at })),
    h: steps.at(-1)!,
    position: { rule: "running", limit },
    heads: heads.map((value): Head => ({ modality: "text", kind: "next_token", value, at })),
  };
}

/** Small numbers that differ by seed and index, the same at every run, and exact in f32. */
export function noise(seed: string, size: number): Float32Array {
  let state = [...seed].reduce((hash, letter) => (Math.imul(hash, 31) + letter.codePointAt(0)!) | 0, 7);
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}
export const seeded = ({ path, shape }: Weight): Float32Array =>
  noise(
    path,
    shape.reduce((a, b) => a * b, 1),
  );

/** `t` is a text row, `[` and `]` the markers, `p` a patch; each `[` begins an image. */
export function document(letters: string, more: Partial<Document> = {}): Document {
  const names: Readonly<Record<string, string>> = {
    t: "text",
    "[": "image.open",
    p: "image.patch",
    "]": "image.close",
  };
  let span = -1;
  let index = 0;
  const rows = [...letters].map((letter, place): DocumentRow => {
    const kind = names[letter]!;
    if (letter === "[") [span, index] = [span + 1, 0];
    const values: Values =
      kind === "text" ? { id: (3 * place) % 7 } : kind === "image.patch" ? { z: noise(`z${place}`, 2) } : {};
    return { kind, span: kind === "text" ? 0 : span, index: kind === "image.patch" ? index++ : 0, values };
  });
  return { rows, spans: {}, inputs: {}, ...more };
}

/** The rows after the last of `steps`, with what was observed. */
export function run(
  parts: Parts,
  of: Document,
  weights = seeded,
): Result & { last: Result["steps"][number]["rows"]; events: Event[] } {
  const events: Event[] = [];
  const result = evaluate(model(parts), weights, of, { observe: (event) => events.push(event) });
  return { ...result, last: result.steps.at(-1)!.rows, events };
}
/** The rows of `value` with any other mask than causal given. */
export const rowsOf = (value: Seq, letters: string, mask: Mask = causal): Result["steps"][number]["rows"] =>
  run({ steps: [value], mask }, document(letters)).last;

/** One row-wise expression of arguments, on one text row at `position` of the document. */
export function valueOf(body: Row, values: Values, weights = seeded, position = 0): number[] {
  const parts: Parts = { embeds: { text: body }, steps: [embed(new Map([["text", body.shape]]))] };
  const rows: readonly DocumentRow[] = [{ kind: "text", span: 0, index: 0, values }];
  return [...run(parts, { rows, spans: {}, inputs: {}, start: position }, weights).last[0]!];
}
