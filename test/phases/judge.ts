// Judges a schedule of calls against the oracle on whole documents: every output, and every row of keys and values that
// a call gives. A schedule may be run with a fault, to show that the judge sees it.
import type { Document, Head } from "../../compiler/analyze/model.ts";
import { evaluate, type Event, type Result } from "../../compiler/oracle/index.ts";
import { planOf, type Cache, type Plan } from "../../compiler/rows/phase.ts";
import type { Part } from "../../runtime/context.ts";
import type { Tensor } from "../../runtime/index.ts";
import { contextOf, type Hosted } from "../entry.ts";
import type { Specified, WeightOf } from "../reference/run.ts";
import type { Call } from "./schedule.ts";
import type { Opened, Session } from "./session.ts";

export type Tensors = Readonly<Record<string, Tensor>>;
/** A call that is about to be made. */
export interface Made {
  readonly session: Session;
  readonly context: Hosted;
  readonly opened: Opened;
  readonly parts: readonly Part[];
}
/** What goes in for what should; one for each schedule, since it may remember. */
export type Fault = (made: Made, inputs: Tensors) => Tensors | Promise<Tensors>;

/** Squared errors over squares, and the largest error over the root mean square. */
export interface Finding {
  readonly what: string;
  readonly nmse: number;
  readonly max: number;
  readonly ok: boolean;
}
const NMSE = 1e-10;
const MAX = 1e-4;

class Score {
  #error = 0;
  #square = 0;
  #most = 0;
  #count = 0;
  add(got: ArrayLike<number>, want: ArrayLike<number>): void {
    if (got.length !== want.length) throw new Error(`${got.length} numbers, not ${want.length}`);
    for (let i = 0; i < want.length; i++) {
      const error = Math.abs(got[i]! - want[i]!);
      this.#error += error * error;
      this.#square += want[i]! * want[i]!;
      this.#most = Math.max(this.#most, Number.isNaN(error) ? Infinity : error);
      this.#count++;
    }
  }
  /** None where nothing was compared. */
  findings(what: string): Finding[] {
    if (this.#count === 0) return [];
    const nmse = this.#error / this.#square;
    const max = this.#most / Math.sqrt(this.#square / this.#count);
    return [{ what, nmse, max, ok: nmse <= NMSE && max <= MAX }];
  }
}

type Keys = Extract<Event, { readonly kind: "keys" }>;
interface Truth {
  readonly heads: Result["heads"];
  readonly keys: ReadonlyMap<Keys["node"], Keys["rows"]>;
}
const truthOf = ({ specified, weight }: Subject, document: Document): Truth => {
  const keys = new Map<Keys["node"], Keys["rows"]>();
  const observe = (event: Event): unknown => event.kind === "keys" && keys.set(event.node, event.rows);
  const { heads } = evaluate(specified.model, (w) => weight(w.path), document, { observe });
  return { heads, keys };
};

/** A document of a call: the place of its first new row. */
interface Placed {
  readonly place?: number | undefined;
}
/** A row that a call gave, to be held against the whole document at the end. */
interface Given {
  readonly d: number;
  readonly place: number;
}
interface GivenHead extends Given {
  readonly modality: string;
  readonly got: Float32Array;
}
interface GivenKeys extends Given {
  readonly cache: Cache;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** What the oracle gives for the documents of one schedule. */
export type Truths = Map<string, Truth>;
export interface Subject {
  readonly specified: Specified;
  readonly weight: WeightOf;
  readonly session: Session;
}

/** What comes of `calls` on a batch of new documents. `truths` is kept for other runs of the same calls. */
export const judge = async (
  subject: Subject,
  calls: readonly Call[],
  fault?: Fault,
  truths: Truths = new Map(),
): Promise<readonly Finding[]> => {
  const judged = new Judge(subject, calls, truths);
  for (const n of calls.keys()) await judged.call(n, fault);
  return judged.findings();
};

class Judge {
  readonly #subject: Subject;
  readonly #calls: readonly Call[];
  readonly #truths: Truths;
  readonly #plan: Plan;
  readonly #context: Hosted;
  readonly #whole: Document[];
  readonly #heads: GivenHead[] = [];
  readonly #keys: GivenKeys[] = [];
  readonly #findings: Finding[] = [];

  constructor(subject: Subject, calls: readonly Call[], truths: Truths) {
    const batch = calls[0]!.pieces.length;
    this.#subject = subject;
    this.#calls = calls;
    this.#truths = truths;
    this.#plan = planOf(subject.specified.model);
    this.#context = contextOf(
      subject.specified.model,
      [...subject.session.programs.values()].map(({ lowered }) => lowered),
      batch,
    );
    this.#whole = Array.from({ length: batch }, () => ({ rows: [], spans: {}, inputs: {} }));
  }

  async call(n: number, fault: Fault | undefined): Promise<void> {
    const context = this.#context;
    const call = this.#calls[n]!;
    const { session, specified } = this.#subject;
    const opened = programOf(session, call);
    const { entry, lowered, run } = opened;
    const parts = call.pieces.map(({ rows, span }) => ({ rows, spans: span && { image: [span] } }));
    const documents = context.documents(entry, parts);
    const inputs = await context.inputs(entry, documents);
    const before = Object.values(inputs).map(({ data }) => data.slice());
    const outputs = await run((await fault?.({ session, context, opened, parts }, inputs)) ?? inputs);
    for (const head of specified.model.heads) this.#head(n, lowered, head, documents, outputs);
    if (call.phase !== "denoise") this.#written(call, lowered, documents, outputs);
    await context.append(entry, documents, outputs);
    if (call.phase === "denoise") {
      const after = Object.values(await context.inputs(entry, documents));
      const same = after.every(({ data }, a) => [...data].every((x, i) => Object.is(x, before[a]![i])));
      if (!same) this.#findings.push({ what: `${lowered.name} changes a cache`, nmse: NaN, max: NaN, ok: false });
    } else for (const [d, document] of this.#whole.entries()) this.#whole[d] = extended(document, call, d);
  }

  /** What is drawn is judged at once, beside the document so far; all else at the end. */
  #head(n: number, lowered: Opened["lowered"], head: Head, documents: readonly Placed[], outputs: Tensors): void {
    const call = this.#calls[n]!;
    const score = new Score();
    const kindsOfHead = [...head.value.shapes.keys()];
    for (const { name, kinds } of lowered.streams) {
      const output = Object.keys(outputs).find((key) => key.startsWith(`${name}.`));
      if (output === undefined || !kindsOfHead.some((kind) => kinds.includes(kind))) continue;
      for (const [d, { place }] of documents.entries()) {
        const draws = call.phase === "denoise";
        const drawn = draws ? this.#truth(`call ${n}`, extended(this.#whole[d]!, call, d), d) : undefined;
        for (const [r, row] of placesOf(call, d, kinds, place!).entries()) {
          if (!head.value.shapes.has(row.kind)) continue;
          const got = rowAt(outputs[output]!, d, r);
          if (drawn === undefined) this.#heads.push({ d, place: row.place, modality: head.modality, got });
          else score.add(got, rowOf(drawn, head.modality, row.place));
        }
      }
    }
    this.#findings.push(...score.findings(`${lowered.name} ${head.modality}`));
  }

  #written(call: Call, lowered: Opened["lowered"], documents: readonly Placed[], outputs: Tensors): void {
    for (const cache of this.#plan.caches.filter(({ name }) => lowered.writes.some((each) => each.name === name))) {
      const kinds = cache.stream.kinds.map((kind) => kind.name);
      for (const [d, { place }] of documents.entries())
        for (const [r, row] of placesOf(call, d, kinds, place!).entries()) {
          const [k, v] = (["k", "v"] as const).map((what) => rowAt(outputs[`new.${cache.name}.${what}`]!, d, r));
          this.#keys.push({ cache, d, place: row.place, k: k!, v: v! });
        }
    }
  }

  /** `when` tells the documents of one schedule apart. */
  #truth(when: string, document: Document, d: number): Truth {
    const key = `${when}, document ${d}`;
    const found = this.#truths.get(key) ?? truthOf(this.#subject, document);
    this.#truths.set(key, found);
    return found;
  }

  findings(): readonly Finding[] {
    const whole = this.#whole.map((document, d) => this.#truth("end", document, d));
    const heads = new Score();
    for (const { d, place, modality, got } of this.#heads) heads.add(got, rowOf(whole[d]!, modality, place));
    const caches = this.#plan.caches.flatMap((cache) => {
      const score = new Score();
      const node = cache.call.attrs.block.attends[cache.attend]!;
      for (const { d, place, k, v } of this.#keys.filter((each) => each.cache === cache)) {
        const want = whole[d]!.keys.get(node)!.get(place)!;
        score.add(k, want.k);
        score.add(v, want.v);
      }
      return score.findings(cache.name);
    });
    return [...this.#findings, ...heads.findings("decode"), ...caches];
  }
}

export const programOf = (session: Session, call: Call): Opened => {
  const kinds = new Set(call.pieces.flatMap((piece) => piece.rows.map((row) => row.kind)));
  const found = [...session.programs.values()].find(
    ({ entry, lowered }) =>
      lowered.kind === call.phase && [...kinds].every((kind) => entry.streams.some((s) => s.kinds.includes(kind))),
  );
  if (!found) throw new Error(`no ${call.phase} of ${[...kinds].join(", ")}`);
  return found;
};

/** `document` with the rows of piece `d` of a call. */
const extended = ({ rows, spans, inputs }: Document, { phase, pieces }: Call, d: number): Document => {
  const { rows: given, span } = pieces[d]!;
  const more = phase === "draft" ? given.map((row) => ({ ...row, draft: true as const })) : given;
  const image = [...(spans["image"] ?? []), ...(span ? [span] : [])];
  return { rows: [...rows, ...more], spans: image.length > 0 ? { ...spans, image } : spans, inputs };
};

/** The rows of a stream in piece `d`, the first of the piece at `place`. */
const placesOf = ({ pieces }: Call, d: number, kinds: readonly string[], place: number) =>
  pieces[d]!.rows.map(({ kind }, i) => ({ kind, place: place + i })).filter(({ kind }) => kinds.includes(kind));
const rowOf = ({ heads }: Truth, modality: string, place: number): Float64Array =>
  heads.find((head) => head.modality === modality)!.rows.get(place)!;

/** Row `r` of document `d` of `[batch, rows, ...]`. */
const rowAt = (tensor: Tensor, d: number, r: number): Float32Array => {
  const [, rows, ...rest] = tensor.shape as [number, number, ...number[]];
  const width = rest.reduce((n, dim) => n * dim, 1);
  return (tensor.data as Float32Array).subarray((d * rows + r) * width, (d * rows + r + 1) * width);
};
