// What each weight is for, read off the model's expressions: a matrix, one that makes the scores of an attention, the
// scale of a norm. The role decides how large its numbers must be for the model to be lively.
import { sourcesOf } from "../../compiler/rows/walk.ts";
import type { Block, Model, Row, RowOf, Seq, Weight } from "../../compiler/analyze/model.ts";
import type { Event } from "../../compiler/oracle/index.ts";
import { residuals } from "../../compiler/oracle/observe.ts";

export type Role =
  /** rows that are looked up, of this size; some of those of tokens are quiet */
  | { readonly is: "table"; readonly size: number; readonly quiet: boolean }
  /** [out, in]; `gain`: the size of what it gives, for an input of size 1 */
  | { readonly is: "matrix"; readonly gain: number }
  /** what a norm multiplies with */
  | { readonly is: "norm" }
  /** what is added to the result of a matrix or a norm of this size */
  | { readonly is: "bias"; readonly size: number }
  /** anything else: gates and factors */
  | { readonly is: "factor" };

/** Standard deviation of attention logits that drawn matrices aim at; norms and conditions widen it. */
const LOGITS = 1.4;
/** Size of a row as it enters: so small that the eps of a norm counts in every layer. */
const ENTRY = 1 / 64;
/** Size of the branches of a tower's first layer. */
const BRANCH = 1.7 * ENTRY;
/** Size of what conditions a row, such as the shifts, scales and gates of a block. */
const CONDITION = 0.7;
/** Branches double from step to step, since a stream to which several towers add grows so; not beyond 2^24 in all. */
const growth = (depth: number, layers: number, steps: number): number =>
  2 ** ((depth / layers) * Math.min(layers, steps, 24));

/** The role of every weight that the model reads. One with several roles has the first that is found here. */
export const rolesOf = (model: Model): ReadonlyMap<Weight, Role> => {
  const roles = new Map<Weight, Role>();
  const learn = (found: Found): void => {
    for (const [weight, role] of found) if (!roles.has(weight)) roles.set(weight, role);
  };
  const rows = rowsOf(bodiesOf(model));
  for (const assign of [tables, scores]) rows.forEach((row) => learn(assign(row)));
  for (const { row } of model.embeds.values())
    learn(makers(row).flatMap((linear) => affine(linear, hasFixed(row) ? 1 : ENTRY)));
  for (const { layers } of model.towers)
    layers.forEach((block, depth) => {
      learn(branches(block, BRANCH * growth(depth, layers.length, model.steps.length)));
      learn(conditions(block));
    });
  for (const assign of [matrices, others]) rows.forEach((row) => learn(assign(row)));
  return roles;
};

type Found = readonly (readonly [Weight, Role])[];
type Assign = (row: Row) => Found;
const given = (row: Row | undefined, role: Role): Found => (row?.op === "weight" ? [[row.attrs.weight, role]] : []);

const tables: Assign = (row) => {
  if (row.op === "extend") return given(row.src[2], { is: "table", size: ENTRY, quiet: false });
  if (row.op !== "lookup") return [];
  const quiet = row.src[1]!.op === "argument";
  return given(row.src[0], { is: "table", size: quiet ? ENTRY : 1, quiet });
};
const scores: Assign = (row) => {
  if (row.op !== "attend") return [];
  const gain = Math.sqrt(LOGITS / (row.attrs.scale * Math.sqrt(row.src[1]!.shape[1]!)));
  return scoring(row).map((weight) => [weight, { is: "matrix", gain }]);
};
/** Whether something is added that no weight makes small, such as a table of places. */
const hasFixed = (row: Row): boolean =>
  row.op === "add" ? row.src.some(hasFixed) : makers(row).length === 0 && row.op !== "lookup" && row.op !== "extend";
/** The matrices that a block's branches end with: of those nearest, the ones that read the stream, not a condition. */
const branches = ({ body }: Block, gain: number): Found =>
  residuals(body).flatMap(({ branch }) => ends(branch).flatMap((linear) => affine(linear, gain)));
const conditions = ({ body }: Block): Found =>
  rowsOf([body])
    .filter((row) => row.op === "linear")
    .filter((linear) => !readsStream(linear))
    .flatMap((linear) => affine(linear, CONDITION));
const readsStream = (row: Row): boolean =>
  rowsOf([row]).some((each) => each.op === "parameter" && each.attrs.index === 0);
const matrices: Assign = (row) => (row.op === "linear" ? affine(row, 1) : []);
/** A matrix and its bias. */
const affine = ({ src }: RowOf<"linear">, gain: number): Found => [
  ...given(src[1], { is: "matrix", gain }),
  ...given(src[2], { is: "bias", size: gain }),
];
const others: Assign = (row) => {
  if (row.op === "rms_norm" || row.op === "layer_norm")
    return [...given(row.src[1], { is: "norm" }), ...given(row.src[2], { is: "bias", size: 1 })];
  return given(row, { is: "factor" });
};

const matrixOf = (linear: Row): readonly Weight[] =>
  linear.src[1]?.op === "weight" ? [linear.src[1].attrs.weight] : [];
const scoring = (attend: RowOf<"attend">): readonly Weight[] =>
  attend.src.slice(0, 2).flatMap(makers).flatMap(matrixOf);
const ends = (branch: Row): readonly RowOf<"linear">[] => makers(branch).filter(readsStream);

/** An event that tells a size. */
export type SizeEvent = Exclude<Event, { readonly kind: "keys" }>;

const NONE: readonly Weight[] = [];
/** The weights whose size decides what an event reports: the matrices of an attention's scores, or those that end a branch. */
export const makersOf = (model: Model): ((event: SizeEvent) => readonly Weight[]) => {
  const known = new Map<string, readonly Weight[]>();
  const place = ({ path, at }: Pick<SizeEvent, "path" | "at">): string => `${path} at ${at.path} ${at.span.from}`;
  for (const seq of sequences(model)) {
    if (seq.op !== "call") continue;
    const { body, attends } = seq.attrs.block;
    for (const attend of attends) known.set(`attend ${place(attend)}`, scoring(attend));
    for (const { add, branch } of residuals(body)) known.set(`residual ${place(add)}`, ends(branch).flatMap(matrixOf));
  }
  return (event) => known.get(`${event.kind} ${place(event)}`) ?? NONE;
};

/** The matrix products that `row` is made of, up to the nearest ones. */
const makers = (row: Row): readonly RowOf<"linear">[] => (row.op === "linear" ? [row] : row.src.flatMap(makers));

/** Every row that `roots` are made of, sources first. */
const rowsOf = (roots: readonly Row[]): readonly Row[] => {
  const seen = new Set<Row>();
  const stack = roots.map((row) => ({ row, ready: false }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (seen.has(top.row)) continue;
    if (top.ready) seen.add(top.row);
    else stack.push({ row: top.row, ready: true }, ...top.row.src.map((row) => ({ row, ready: false })));
  }
  // Norms and matrices come before the plain weights that they read, so that what is left is a factor.
  return [...seen].sort((a, b) => Number(a.op === "weight") - Number(b.op === "weight"));
};

const bodiesOf = (model: Model): readonly Row[] => [
  ...[...model.embeds.values()].map((embed) => embed.row),
  ...sequences(model).flatMap((seq) =>
    seq.op === "call" ? [seq.attrs.block.body] : seq.op === "map" ? [seq.attrs.body] : [],
  ),
];

/** Every sequence that the model's heads and layers are made of. */
export const sequences = (model: Model): readonly Seq[] => {
  const seen = new Set<Seq>();
  const stack = [...model.heads.map((head) => head.value), ...model.steps.map((step) => step.value)];
  for (let seq = stack.pop(); seq !== undefined; seq = stack.pop()) {
    if (seen.has(seq)) continue;
    seen.add(seq);
    stack.push(...partsOf(seq));
  }
  return [...seen];
};

/** What a sequence is made of; of a joint, the calls of its arms and not what they read. */
export const partsOf = (seq: Seq): readonly Seq[] =>
  seq.op === "joint" ? seq.attrs.arms.map((arm) => arm.value) : sourcesOf(seq);
