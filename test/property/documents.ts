// Documents and weights for any model, from a seed. A weight's numbers depend on its path and the seed alone, so that
// two specifications that share a path share the weight.
import type { Document, DocumentRow, Input, Kind, Model, Values, Weight } from "../../compiler/analyze/model.ts";
import { Dice } from "./dice.ts";

/** 32 bits of a text (FNV-1a). */
const hash = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
};

/** Every weight different, scores of a standard deviation near 1, branches about as large as what they are added to. */
export const weightsOf = (seed: number): ((weight: Weight) => Float32Array) => {
  const known = new Map<string, Float32Array>();
  return ({ path, shape, init }) => {
    const found = known.get(path);
    if (found) return found;
    const dice = new Dice(hash(path) ^ Math.imul(seed, 0x9e3779b1));
    const centre = shape.length < 2 && (init.kind === "ones" || init.kind === "value") ? 0.9 : 0;
    const width = shape.length < 2 ? 0.5 : 2 / Math.sqrt(shape.at(-1)!);
    const made = Float32Array.from(
      { length: shape.reduce((n, d) => n * d, 1) },
      () => centre + dice.between(-width, width),
    );
    known.set(path, made);
    return made;
  };
};

/** The same weights, each number moved by about its last bit: how much of an error the numbers themselves allow. */
export const shaken = (weights: (weight: Weight) => Float32Array): ((weight: Weight) => Float32Array) => {
  const dice = new Dice(1);
  const known = new Map<string, Float32Array>();
  return (weight) => {
    const made =
      known.get(weight.path) ?? weights(weight).map((x) => x * (1 + (dice.chance(0.5) ? 2 ** -23 : -(2 ** -23))));
    known.set(weight.path, made);
    return made;
  };
};

/** A document with rows of `modalities`, in unlike order: texts of 1 to 5 rows, and one or two spans of each sort. */
export const documentOf = (model: Model, dice: Dice, modalities: readonly string[]): Document => {
  const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, () => dice.between(-1.7, 1.7));
  const inputValue = ({ type }: Input): number | Float32Array =>
    type.kind === "index"
      ? dice.below(type.below)
      : type.shape.length === 0
        ? Math.fround(dice.between(-1, 1.5))
        : numbers(type.shape.reduce((n, d) => n * d, 1));
  const per = (found: (per: Input["per"]) => boolean): Values =>
    Object.fromEntries(model.inputs.filter((i) => found(i.per)).map((i) => [i.name, inputValue(i)]));
  const pieces = modalities.flatMap((name) => Array.from({ length: dice.pick([1, 1, 2]) }, () => name));
  const order = pieces.map((name) => ({ name, key: dice.next() })).sort((a, b) => a.key - b.key);
  const rows: DocumentRow[] = [];
  const spans: Record<string, Values[]> = {};
  const rowOf = (kind: Kind, span: number, index: number): DocumentRow => {
    const own = per((p) => typeof p === "object" && "row" in p && p.row === kind.name);
    const [argument] = model.embeds.get(kind.name)!.arguments;
    const modality = model.modalities.find((m) => m.name === kind.modality)!;
    if (kind.rows.kind === "marker") return { kind: kind.name, span, index, values: own };
    const value =
      kind.rows.kind === "grid"
        ? numbers(kind.rows.width)
        : modality.kind === "tokens"
          ? dice.below(modality.vocab + modality.added.length)
          : 0;
    return { kind: kind.name, span, index, values: { ...own, [argument!.name]: value } };
  };
  for (const { name } of order) {
    const modality = model.modalities.find((m) => m.name === name)!;
    const kinds = model.kinds.filter((k) => k.modality === name);
    if (modality.kind === "tokens") {
      for (let n = dice.within(1, 5); n > 0; n--) rows.push(rowOf(kinds[0]!, 0, 0));
      continue;
    }
    const list = (spans[name] ??= []);
    for (const kind of kinds) {
      const count = kind.rows.kind === "grid" ? kind.rows.rows * kind.rows.cols : 1;
      for (let i = 0; i < count; i++) rows.push(rowOf(kind, list.length, i));
    }
    list.push(per((p) => typeof p === "object" && "span" in p && p.span === name));
  }
  return {
    rows,
    spans,
    inputs: per((p) => typeof p === "string"),
    start: dice.pick([0, 0, 3, model.position.limit - rows.length]),
  };
};

/** Two documents: the first has every modality, the second now and then lacks some. Inputs of the call are the first one's. */
export const batchOf = (model: Model, seed: number): Document[] => {
  const dice = new Dice(seed ^ 0x51ed270b);
  const all = model.modalities.map((m) => m.name);
  const headed = model.modalities
    .filter((m) =>
      model.kinds.some((k) => k.modality === m.name && model.heads.some((h) => h.value.shapes.has(k.name))),
    )
    .map((m) => m.name);
  const fewer = dice.chance(0.5) ? all : all.filter((name) => name === headed[0] || dice.chance(0.4));
  const [a, b] = [documentOf(model, dice, all), documentOf(model, dice, fewer)];
  const shared = model.inputs.filter((i) => i.per === "call").map((i) => [i.name, a.inputs[i.name]!]);
  return [a, { ...b, inputs: { ...b.inputs, ...Object.fromEntries(shared) } }];
};
