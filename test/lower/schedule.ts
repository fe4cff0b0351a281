// Documents made piece by piece: random schedules of prefill, decode, read and denoise, with caches as a runtime keeps
// them, beside the oracle's values of the whole documents.
import { expect } from "vitest";
import type { Document, DocumentRow, Model, Row, Seq, SeqOf } from "../../compiler/analyze/model.ts";
import { at as valueAt } from "../../compiler/ir/dim.ts";
import type { Values } from "../../compiler/ir/evaluate.ts";
import type { ModelModule as Module, PhaseProgram as Program } from "../../compiler/ir/module.ts";
import { lower } from "../../compiler/lower/index.ts";
import { evaluate } from "../../compiler/oracle/index.ts";
import type { Atom } from "../../compiler/rows/atom.ts";
import { planOf, type Cache, type Plan } from "../../compiler/rows/phase.ts";
import { Random } from "../ir/random.ts";
import * as hand from "../oracle/build.ts";
import {
  dimsOf,
  inputsOf,
  near,
  outputsFor,
  params,
  pastPlaces,
  type Piece,
  rowsAt,
  type Slots,
  slotsOf,
} from "./build.ts";

/** What a schedule came by, so that a test can say that it tried what it meant to. */
export interface Ran {
  readonly calls: readonly string[];
  readonly compared: { readonly heads: number; readonly caches: number };
}

/** `[batch, kvHeads, room, width]`, where rows stand in it by document and place, and what its unused slots hold. */
interface Store {
  readonly order: Float64Array;
  readonly span: Float64Array;
  readonly slots: readonly number[][];
}

/** Makes `finals` by a random schedule; every output and, at the end, every row of every cache equals the oracle's. */
class Schedule {
  readonly #of: Model;
  readonly #module: Module;
  readonly #plan: Plan;
  readonly #finals: readonly Document[];
  readonly #random: Random;
  readonly #weights: Record<string, Values>;
  readonly #truth: readonly ReturnType<typeof evaluate>[];
  /** whether anything of use can come of a row: a head has it, or rows may follow it */
  readonly #matters: (row: DocumentRow) => boolean;
  /** the atoms of each document, as the places of their rows */
  readonly #atoms: readonly { readonly atom: Atom; readonly places: readonly number[] }[][];
  /** how many atoms each document has already */
  readonly #done: number[];
  readonly #rooms: ReadonlyMap<string, number>;
  readonly #stores: ReadonlyMap<string, Store>;
  readonly #kept: ReadonlyMap<string, Values>;
  readonly #calls: string[] = [];
  readonly #compared = { heads: 0, caches: 0 };
  readonly #told: { readonly seed: number; readonly within: number };

  constructor(
    of: Model,
    module: Module,
    finals: readonly Document[],
    random: Random,
    told: { readonly seed: number; readonly within: number },
  ) {
    this.#told = told;
    this.#of = of;
    this.#module = module;
    this.#plan = planOf(of);
    this.#matters = ({ kind }) =>
      of.session?.at(-1)?.modality !== "image" || of.session.at(-1)!.repeat !== "" || kind !== "image.close";
    this.#finals = finals;
    this.#random = random;
    this.#weights = params(module);
    this.#truth = finals.map((document) => evaluate(of, hand.seeded, document));
    this.#atoms = finals.map((document) => atomsIn(this.#plan, document));
    this.#done = finals.map(() => 0);
    this.#rooms = new Map(
      this.#plan.streams.map((stream) => [stream.name, this.#roomFor(stream.kinds.map((kind) => kind.name))]),
    );
    this.#stores = new Map(this.#plan.streams.map(({ name }) => [name, this.#store(this.#rooms.get(name)!)]));
    this.#kept = new Map(
      module.programs.flatMap((program) =>
        program.reads.flatMap(({ name }) =>
          [`${name}.k`, `${name}.v`].map((port) => [port, this.#garbage(program, port)]),
        ),
      ),
    );
  }

  run(): Ran {
    while (this.#done.some((done, b) => done < this.#atoms[b]!.length)) {
      const able = this.#module.programs.filter(
        (p) => p.kind !== "forward" && p.kind !== "denoise" && this.#runs(p).some((n) => n > 0),
      );
      // Reads come by least, for prefill may take the same rows.
      const kinds = [...new Set(able.map((p) => p.kind))];
      const kind = this.#random.pick([...kinds, ...kinds.filter((each) => each === "read")]);
      const program = this.#random.pick(able.filter((p) => p.kind === kind));
      if (program.kind === "read") this.#draw(program);
      this.#append(program);
    }
    this.#compareCaches();
    return { calls: this.#calls, compared: this.#compared };
  }

  #roomFor(kinds: readonly string[]): number {
    const counts = this.#finals.map(({ rows }) => rows.filter((row) => kinds.includes(row.kind)).length);
    return Math.max(...counts) + 1 + this.#random.below(3);
  }
  /** Rows go to slots in an order of their own in each document. */
  #store(room: number): Store {
    const batch = this.#finals.length;
    return {
      order: new Float64Array(batch * room).fill(-1),
      span: Float64Array.from({ length: batch * room }, () => this.#random.below(3)),
      slots: this.#finals.map(() => shuffled([...Array(room).keys()], this.#random)),
    };
  }
  #garbage(program: Program, port: string): Values {
    const { type } = program.inputs.find(({ name }) => name === port)!;
    const dims = { batch: this.#finals.length, ...this.#pastDims() };
    const shape = type.shape.map((dim) => valueAt(dim, dims));
    return {
      shape,
      data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => this.#random.between(-50, 50)),
    };
  }
  #pastDims(): Record<string, number> {
    return Object.fromEntries([...this.#rooms].map(([stream, room]) => [`past.${stream}`, room]));
  }

  // ── Calls ────────────────────────────────────────────────────────────────────────────────────
  /** How many of the next atoms of each document a program could append. */
  #runs(program: Program): number[] {
    const again = new Set(program.again);
    const own = (atom: Atom): boolean =>
      atom.streams.every(
        ({ name }) =>
          program.streams.some((s) => s.name === name) && !(again.has(name) && !this.#appends(program).has(name)),
      );
    return this.#atoms.map((atoms, b) => {
      const next = atoms.slice(this.#done[b]);
      const end = next.findIndex(({ atom }) => !own(atom));
      const run = end < 0 ? next.length : end;
      return program.kind === "prefill" ? run : Math.min(run, program.kind === "decode" ? 2 : 1);
    });
  }
  #appends(program: Program): ReadonlySet<string> {
    const phase = this.#plan.phases.find(({ name }) => name === program.name)!;
    return new Set(phase.appends.map(({ name }) => name));
  }

  /** The image that is read next is drawn first: three steps, which leave nothing. */
  #draw(read: Program): void {
    const appends = [...this.#appends(read)].join();
    const program = this.#module.programs.find((p) => p.kind === "denoise" && [...this.#appends(p)].join() === appends);
    if (program === undefined) return;
    for (const t of [1, 0.625, 0.25]) {
      const pieces = this.#finals.map((document, b): Piece => {
        const next = this.#atoms[b]![this.#done[b]!];
        const isOwn = next !== undefined && next.atom.streams.every(({ name }) => this.#appends(program).has(name));
        const places = isOwn ? next.places : [];
        const drawn = isOwn ? noised(this.#of, document, places, t) : document;
        const again = [...Array(this.#past(b)).keys()].filter((place) =>
          program.again.some((name) => this.#isOf(name, document.rows[place]!)),
        );
        return { document: drawn, places: [...again, ...places] };
      });
      const truth = pieces.map(({ document, places }, b) =>
        places.length > 0
          ? evaluate(this.#of, hand.seeded, until(document, Math.max(this.#past(b), 1 + Math.max(...places))))
          : undefined,
      );
      this.#call(program, pieces, truth);
    }
  }

  #append(program: Program): void {
    const runs = this.#runs(program);
    const most = this.#random.pick([3, Infinity]);
    const chosen = runs.map((run) => this.#random.below(Math.min(run, most) + 1));
    if (!chosen.some((n) => n > 0)) {
      const first = runs.findIndex((run) => run > 0);
      chosen[first] = 1 + this.#random.below(runs[first]!);
    }
    const pieces = this.#finals.map((document, b): Piece => {
      const from = this.#done[b]!;
      return { document, places: this.#atoms[b]!.slice(from, from + chosen[b]!).flatMap(({ places }) => places) };
    });
    const { outputs, slots } = this.#call(program, pieces, this.#truth);
    for (const [b, n] of chosen.entries()) this.#done[b] = this.#done[b]! + n;
    for (const stream of this.#appends(program)) this.#keep(program, stream, slots.get(stream)!, outputs);
  }

  #call(
    program: Program,
    pieces: readonly Piece[],
    truth: readonly (ReturnType<typeof evaluate> | undefined)[],
  ): { outputs: Map<string, Values>; slots: Slots } {
    this.#calls.push(program.name);
    const slots = slotsOf(program, pieces);
    const dims = { ...dimsOf(this.#of, pieces, slots), ...this.#pastDims() };
    const inputs = inputsOf(this.#of, program, pieces, slots, dims);
    for (const { name, stream } of program.reads) {
      const [order, span] = pastPlaces(stream);
      const shape = [pieces.length, this.#rooms.get(stream)!];
      const store = this.#stores.get(stream)!;
      inputs[order] = { shape, data: store.order.slice() };
      inputs[span] = { shape, data: store.span.slice() };
      for (const port of [`${name}.k`, `${name}.v`])
        inputs[port] = { ...this.#kept.get(port)!, data: this.#kept.get(port)!.data.slice() };
    }
    const outputs = outputsFor(program, { inputs, params: this.#weights, dims });
    this.#compareHeads(program, pieces, slots, outputs, truth);
    return { outputs, slots };
  }

  /** Writes the new rows of a stream into free slots of its caches. */
  #keep(
    program: Program,
    stream: string,
    slots: readonly (readonly number[])[],
    outputs: ReadonlyMap<string, Values>,
  ): void {
    const store = this.#stores.get(stream)!;
    const room = this.#rooms.get(stream)!;
    const caches = this.#plan.caches.filter((cache) => cache.stream.name === stream).map(({ name }) => name);
    expect(
      program.writes
        .filter((cache) => cache.stream === stream)
        .map(({ name }) => name)
        .sort(),
      program.name,
    ).toEqual(caches.sort());
    slots.forEach((places, b) =>
      places.forEach((place, r) => {
        if (place < 0) return;
        const slot = store.slots[b]!.pop()!;
        store.order[b * room + slot] = place;
        store.span[b * room + slot] = this.#finals[b]!.rows[place]!.span;
        for (const name of caches)
          for (const what of ["k", "v"])
            write(this.#kept.get(`${name}.${what}`)!, outputs.get(`new.${name}.${what}`)!, b, r, slot);
      }),
    );
  }

  /** how many rows a document has already */
  #past(b: number): number {
    return this.#atoms[b]!.slice(0, this.#done[b]).reduce((n, { places }) => n + places.length, 0);
  }
  #isOf(stream: string, row: DocumentRow): boolean {
    return this.#plan.streams.some(
      ({ name, kinds }) => name === stream && kinds.some((kind) => kind.name === row.kind),
    );
  }

  // ── Judgement ────────────────────────────────────────────────────────────────────────────────
  #compareHeads(
    program: Program,
    pieces: readonly Piece[],
    slots: Slots,
    outputs: ReadonlyMap<string, Values>,
    truth: readonly (ReturnType<typeof evaluate> | undefined)[],
  ): void {
    this.#of.heads.forEach((head, i) => {
      for (const { name } of program.streams) {
        const found = outputs.get(`${name}.${head.kind === "denoise" ? "velocity" : "logits"}`);
        if (found === undefined) continue;
        pieces.forEach(({ document }, b) =>
          rowsAt(found, b).forEach((got, r) => {
            const place = slots.get(name)![b]![r]!;
            if (place >= 0 && !head.value.shapes.has(document.rows[place]!.kind)) return;
            const want = place < 0 ? got.map(() => 0) : [...truth[b]!.heads[i]!.rows.get(place)!];
            near(
              got,
              want,
              this.#told.within,
              () => `seed ${this.#told.seed}: ${this.#calls.join("; ")}: ${name} of document ${b} at ${place}`,
            );
            if (place >= 0) this.#compared.heads++;
          }),
        );
      }
    });
  }

  #compareCaches(): void {
    const { caches } = this.#plan;
    const heads = caches.flatMap((cache) =>
      ([1, 2] as const).map((operand) => ({
        modality: "text",
        kind: "next_token" as const,
        value: keptBy(cache, operand),
        at: hand.at,
      })),
    );
    this.#finals.forEach((document, b) => {
      const truth = evaluate({ ...this.#of, heads }, hand.seeded, document);
      caches.forEach(({ name, stream }, i) => {
        const { order } = this.#stores.get(stream.name)!;
        const room = this.#rooms.get(stream.name)!;
        const found = [...order.subarray(b * room, (b + 1) * room)];
        const places = document.rows.flatMap((row, place) => (this.#isOf(stream.name, row) ? [place] : []));
        expect(found.filter((place) => place >= 0).sort((x, y) => x - y)).toEqual(places);
        for (const place of places.filter((each) => this.#matters(document.rows[each]!)))
          (["k", "v"] as const).forEach((what, w) => {
            const got = readSlot(this.#kept.get(`${name}.${what}`)!, b, found.indexOf(place));
            near(
              got,
              [...truth.heads[2 * i + w]!.rows.get(place)!],
              this.#told.within,
              () => `seed ${this.#told.seed}: ${this.#calls.join("; ")}: ${name}.${what} of document ${b} at ${place}`,
            );
            this.#compared.caches++;
          });
      });
    });
  }
}

/** Each atom of a document with its rows: single rows, or those of one span. */
const atomsIn = ({ atoms }: Plan, document: Document): { atom: Atom; places: number[] }[] => {
  const found: { atom: Atom; places: number[] }[] = [];
  document.rows.forEach((row, place) => {
    const atom = atoms.find(({ streams }) =>
      streams.some(({ kinds }) => kinds.some((kind) => kind.name === row.kind)),
    )!;
    const last = found.at(-1);
    const before = last && document.rows[last.places[0]!]!;
    if (last?.atom === atom && atom.reach === "span" && before!.span === row.span) last.places.push(place);
    else found.push({ atom, places: [place] });
  });
  return found;
};

/** The span of these rows with other numbers and another `t`, wherever `t` belongs. */
const noised = (of: Model, document: Document, places: readonly number[], t: number): Document => {
  const span = document.rows[places[0]!]!.span;
  const rows = document.rows.map((row, place) =>
    places.includes(place) && "z" in row.values
      ? { ...row, values: { ...row.values, z: hand.noise(`z${place} at ${t}`, 2) } }
      : row,
  );
  const input = of.inputs.find(({ name }) => name === "t");
  if (input === undefined) return { ...document, rows };
  if (typeof input.per === "string") return { ...document, rows, inputs: { ...document.inputs, t } };
  return {
    ...document,
    rows,
    spans: { image: document.spans["image"]!.map((values, i) => (i === span ? { ...values, t } : values)) },
  };
};
const until = (document: Document, end: number): Document => {
  const rows = document.rows.slice(0, end);
  const spans = 1 + Math.max(-1, ...rows.filter(({ kind }) => kind.startsWith("image.")).map(({ span }) => span));
  return {
    ...document,
    rows,
    spans: Object.fromEntries(Object.entries(document.spans).map(([name, values]) => [name, values.slice(0, spans)])),
  };
};

/** What a cache holds, as a sequence for the oracle: the call's block, ended where it has made the key or value. */
const keptBy = ({ call, attend }: Cache, operand: 1 | 2): Seq => {
  const { block } = call.attrs;
  const row: Row = hand.merge(block.attends[attend]!.src[operand]!);
  const shapes = new Map([...call.shapes.keys()].map((kind) => [kind, row.shape]));
  const attrs: SeqOf<"call">["attrs"] = { ...call.attrs, block: { ...block, body: row } };
  return hand.seq("call", attrs, shapes);
};

/** Row `r` of `[batch, rows, kvHeads, width]` to a slot of `[batch, kvHeads, room, width]`. */
const write = (cache: Values, from: Values, b: number, r: number, slot: number): void => {
  const [, heads, room, width] = cache.shape as [number, number, number, number];
  const rows = from.shape[1]!;
  for (let h = 0; h < heads; h++) {
    const source = ((b * rows + r) * heads + h) * width;
    cache.data.set(from.data.subarray(source, source + width), ((b * heads + h) * room + slot) * width);
  }
};
const readSlot = ({ shape, data }: Values, b: number, slot: number): number[] => {
  const [, heads, room, width] = shape as [number, number, number, number];
  return Array.from({ length: heads }, (_, h) => ((b * heads + h) * room + slot) * width).flatMap((from) => [
    ...data.subarray(from, from + width),
  ]);
};
const shuffled = <T>(items: readonly T[], random: Random): T[] => {
  const rest = [...items];
  return items.map(() => rest.splice(random.below(rest.length), 1)[0]!);
};

/** A random schedule over random documents, one or two of them, for each seed. */
export const followAll = (
  of: Model,
  seeds: readonly number[],
  finalsOf: (random: Random, batch: number) => Document[],
  within: number,
): Ran[] => {
  const module = lower(of);
  return seeds.map((seed) => {
    const random = new Random(seed);
    return new Schedule(of, module, finalsOf(random, 1 + (seed % 2)), random, { seed, within }).run();
  });
};
