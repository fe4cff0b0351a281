// A sample as a document whose rows say what they should have said. A token is the target of the row before it, as is the
// marker that opens a span; a row of a drawn span has the process's prediction as its target. How much a row counts is 0 or
// 1 here: what is a mean is settled when it is known how many rows count.
import { spanInputs } from "../generate/conditions.ts";
import { argumentOf, imagesIn, layoutOf, noiseFor, textRows, tokensIn } from "../generate/rows.ts";
import type { Document, DocumentRow, Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { LossEntry, Manifest, Process, Training } from "../manifest.ts";
import { type Picture, toPatches } from "../media/patches.ts";
import { stream } from "../random.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { drawnOf, mixed, mixer, noiseOf, timeOf } from "./noise.ts";
import { checkSample, type Sample, type SamplePart } from "./sample.ts";

/** A document, and how many of its rows count for each loss. */
export interface Lesson {
  readonly document: Document;
  readonly counts: Readonly<Record<string, number>>;
}
/** Chance of one sample: a name under a seed. */
export interface Chance {
  readonly seed: number;
  readonly name: string;
}
export type Learner = (sample: Sample, chance: Chance) => Lesson;

/** A row before its targets are known. */
interface Plain {
  readonly row: DocumentRow;
  readonly learn: boolean;
  /** of a row of a drawn span: what should be predicted of it */
  readonly target: Float32Array | undefined;
}

export const learner = (manifest: Manifest, training: Training, tokenizer: Tokenizer): Learner => {
  const maker = new Maker(manifest, training, tokenizer);
  const label = labeller(manifest, training);
  return (sample, chance) => {
    checkSample(sample, chance.name);
    const { plain, spans } = maker.make(sample, chance);
    const { rows, counts } = label(plain);
    return { document: { rows, spans, inputs: sample.inputs ?? {} }, counts };
  };
};

type Made = { readonly plain: readonly Plain[]; readonly spans: Record<string, Values[]> };

/** Samples as rows. */
class Maker {
  readonly #manifest: Manifest;
  readonly #training: Training;
  readonly #tokenizer: Tokenizer;
  readonly #mixers = new Map<Process, ReturnType<typeof mixer>>();

  constructor(manifest: Manifest, training: Training, tokenizer: Tokenizer) {
    this.#manifest = manifest;
    this.#training = training;
    this.#tokenizer = tokenizer;
  }

  make({ parts }: Sample, { seed, name }: Chance): Made {
    const text = tokensIn(this.#manifest);
    const spans: Record<string, Values[]> = {};
    const plain: Plain[] = textRows(text.name, this.#tokenizer.start).map((row) => ({
      row,
      learn: false,
      target: undefined,
    }));
    for (const [i, part] of parts.entries()) {
      const where = `part ${i} of ${name}`;
      const ids = idsOf(part, this.#tokenizer);
      const own =
        ids === undefined
          ? this.#image(part, spans, where, { seed, name: `${name}/${i}` })
          : textRows(text.name, ids).map((row): Plain => ({ row, learn: isLearnt(part), target: undefined }));
      plain.push(...this.#withInputs(own, part, where));
    }
    if (plain.length > 0) return { plain, spans };
    throw new Failure("call", `${name} has no rows`, "leave it out");
  }

  #image(part: SamplePart, spans: Record<string, Values[]>, where: string, chance: Chance): Plain[] {
    const { span, grid } = imagesIn(this.#manifest);
    const numbers = this.#numbersOf(part, where);
    const drawn = typeof part === "object" && "drawn" in part ? (part.drawn ?? false) : false;
    const { noisy, z, target } =
      drawn === false
        ? { noisy: undefined, z: numbers, target: undefined }
        : this.#noisy(numbers, drawn, where, chance);
    const own = (spans[span.name] ??= []);
    const index = own.length;
    const given = (typeof part === "object" && part.inputs) || {};
    own.push(spanInputs(this.#manifest, span, given, noisy));
    const argument = argumentOf(this.#manifest, grid);
    const learn = isLearnt(part);
    return span.segments.flatMap((segment): Plain[] => {
      if (segment.is === "marker")
        return [{ row: { kind: segment.kind, span: index, index: 0, values: {} }, learn, target: undefined }];
      const { kind, rows, cols, width } = segment;
      const cut = (all: Float32Array, r: number): Float32Array => all.subarray(r * width, (r + 1) * width);
      return Array.from({ length: rows * cols }, (_, r) => ({
        row: { kind, span: index, index: r, values: { [argument]: cut(z, r) } },
        learn,
        target: target && cut(target, r),
      }));
    });
  }

  #numbersOf(part: SamplePart, where: string): Float32Array {
    const { grid } = imagesIn(this.#manifest);
    const count = grid.rows * grid.cols * grid.width;
    const numbers = has(part, "image") ? this.#patches(part.image, where) : has(part, "grid") ? part.grid : undefined;
    if (numbers === undefined)
      throw new Failure("call", `${where} is none`, "give a text, { text }, { ids }, { image } or { grid }");
    if (numbers.length !== count)
      throw new Failure(
        "call",
        `${where}: an image of ${numbers.length} numbers was given, and the rows of ${grid.kind} have ${count}`,
        `${grid.rows} x ${grid.cols} rows of ${grid.width} numbers each`,
      );
    const wrong = numbers.findIndex((value) => !Number.isFinite(value));
    if (wrong < 0) return numbers;
    throw new Failure("call", `${where}: number ${wrong} of the image is ${numbers[wrong]}`, "give finite numbers");
  }
  #patches(picture: Picture, where: string): Float32Array {
    const { size, patches } = layoutOf(imagesIn(this.#manifest).grid);
    if (picture.width === size.width && picture.height === size.height && picture.channels === size.channels)
      return toPatches(picture, patches);
    throw new Failure(
      "call",
      `${where}: a picture of ${picture.width} x ${picture.height} was given, and the model takes ${size.width} x ${size.height}`,
      "scale it: `readImage(path, { width, height })`",
    );
  }

  #noisy(
    x: Float32Array,
    drawn: true | { readonly t: number; readonly noise: Float32Array },
    where: string,
    { seed, name }: Chance,
  ) {
    const { input, process } = noiseFor(this.#manifest, imagesIn(this.#manifest).span);
    const { name: modality } = imagesIn(this.#manifest).span;
    const mix = this.#mixers.get(process) ?? mixer(process);
    this.#mixers.set(process, mix);
    const t =
      drawn === true
        ? timeOf(drawnOf(this.#training.drawn, modality), process, stream(seed, `${name}/t`))
        : Math.fround(drawn.t);
    const noise = drawn === true ? noiseOf(seed, `${name}/noise`, x.length) : drawn.noise;
    if (!Number.isFinite(t)) throw new Failure("call", `${where}: its t is ${t}`, "give a finite number");
    if (noise.length !== x.length)
      throw new Failure("call", `${where}: its noise has ${noise.length} numbers, and the image ${x.length}`);
    const { z, target } = mix(t);
    return { noisy: { input, t }, z: mixed(z, x, noise), target: mixed(target, x, noise) };
  }

  /** Inputs of rows stand row after row. */
  #withInputs(own: readonly Plain[], part: SamplePart, where: string): readonly Plain[] {
    const given = typeof part === "object" ? Object.entries(part.inputs ?? {}) : [];
    return given.reduce<readonly Plain[]>((rows, [name, value]) => {
      const condition = this.#manifest.conditions.find((each) => each.name === name);
      if (condition === undefined) throw new Failure("call", `${where}: the model has no input ${name}`);
      const count = rows.filter(({ row }) => row.kind === condition.per).length;
      if (count === 0) return rows;
      const numbers = typeof value === "number" ? [value] : value;
      const width = numbers.length / count;
      if (!Number.isInteger(width))
        throw new Failure("call", `${where}: ${name} has ${numbers.length} numbers for ${count} rows`);
      let next = 0;
      return rows.map((each) => {
        if (each.row.kind !== condition.per) return each;
        const from = width * next++;
        const values = { ...each.row.values, [name]: Float32Array.from(numbers.slice(from, from + width)) };
        return { ...each, row: { ...each.row, values } };
      });
    }, own);
  }
}

const has = <K extends string>(part: SamplePart, key: K): part is Extract<SamplePart, { readonly [P in K]: unknown }> =>
  typeof part === "object" && part !== null && Object.hasOwn(part, key);
const isLearnt = (part: SamplePart): boolean => typeof part === "string" || part.learn !== false;

/** undefined: it is no text */
const idsOf = (part: SamplePart, tokenizer: Tokenizer): readonly number[] | undefined => {
  if (typeof part === "string") return tokenizer.encode(part);
  if (has(part, "text")) return tokenizer.encode(part.text);
  return has(part, "ids") ? part.ids : undefined;
};

/** What rows are called in the names of inputs: `logits`, `velocity`, `loss.near`. */
export const resultOf = ({ noise }: Manifest, { name, head }: LossEntry): string => {
  if (head === null) return `loss.${name}`;
  return head === "next_token" ? "logits" : noise.find(({ modality }) => modality === name)!.process.predicts;
};

/** Gives each row its targets, and 1 or 0 for each loss. */
const labeller = (manifest: Manifest, { losses }: Training) => {
  const { vocab, added } = tokensIn(manifest);
  const segments = manifest.modalities.flatMap((modality) => (modality.is === "span" ? modality.segments : []));
  const markers = new Map(segments.flatMap((each) => (each.is === "marker" ? [[each.kind, each] as const] : [])));
  const grids = new Map(segments.flatMap((each) => (each.is === "grid" ? [[each.kind, each.width] as const] : [])));
  /** What a row of some text says: its own tokens, and markers that are among them. */
  const idOf = ({ kind, values }: DocumentRow, name: string): number | undefined => {
    if (kind === name) return values["id"] as number;
    const marker = markers.get(kind);
    return marker?.text === name ? marker.id : undefined;
  };

  return (plain: readonly Plain[]): { readonly rows: DocumentRow[]; readonly counts: Record<string, number> } => {
    const counts = Object.fromEntries(losses.map(({ name }) => [name, 0]));
    const below = plain.some(({ row }) => markers.has(row.kind) || grids.has(row.kind)) ? vocab + added.length : vocab;
    const valuesOf = (loss: LossEntry, i: number): Values => {
      const { row, learn, target } = plain[i]!;
      const what = resultOf(manifest, loss);
      const isOwn = loss.kinds.includes(row.kind);
      const counted = (does: boolean): number => {
        if (does) counts[loss.name]! += 1;
        return Number(does);
      };
      if (loss.head === null) return { [`${what}.weight`]: counted(isOwn && learn) };
      if (loss.head === "next_token") {
        const next = plain[i + 1];
        const id = isOwn && next ? idOf(next.row, loss.name) : undefined;
        const weight = counted(id !== undefined && next!.learn);
        return { [`${what}.target`]: id ?? 0, [`${what}.below`]: below, [`${what}.weight`]: weight };
      }
      const width = grids.get(row.kind);
      if (width === undefined) return {};
      const weight = counted(isOwn && learn && target !== undefined);
      return { [`${what}.target`]: target ?? new Float32Array(width), [`${what}.weight`]: weight };
    };
    const rows = plain.map(({ row }, i) => ({
      ...row,
      values: Object.assign({ ...row.values }, ...losses.map((loss) => valuesOf(loss, i))) as Values,
    }));
    return { rows, counts };
  };
};
