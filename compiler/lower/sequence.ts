// Sequences as values of streams. A sequence is lowered at a stream at most once; one that the layers are made of is
// lowered at whole streams, and what a head reads of it is a slice.
import type { At, Kind, Model, Row, RowOf, Seq, SeqOf } from "../analyze/model.ts";
import type { Graph } from "../ir/graph.ts";
import type { Origin } from "../ir/node.ts";
import { attend, type Keys } from "./attention.ts";
import { type Demand, type Site, sitesOf } from "./demand.ts";
import { argumentNode, type Rows, rowsOfStream, sliceOf } from "./entry.ts";
import { casesOf, seesItself, visible } from "./mask.ts";
import { lowerRow, type Scope } from "./row.ts";
import { embedOf, type Partition, type Stream } from "./stream.ts";
import { batched, unbatched, type Value } from "./value.ts";
import { maskNode } from "./visibility.ts";

type Calling = SeqOf<"call"> | SeqOf<"joint">;

/** The sequences of one program. */
export class Sequences {
  readonly #g: Graph;
  readonly #model: Model;
  readonly #demand: Demand;
  readonly #partition: Partition;
  readonly #place: (at: At) => string;
  readonly #rows = new Map<Stream, Rows>();
  readonly #values = new Map<Seq, Map<Stream, Value>>();
  /** by who attends, the call, the stream */
  readonly #scopes = new Map<Seq, Map<Seq, Map<Stream, Scope>>>();

  constructor(g: Graph, model: Model, demand: Demand, partition: Partition, place: (at: At) => string) {
    this.#g = g;
    this.#model = model;
    this.#demand = demand;
    this.#partition = partition;
    this.#place = place;
  }

  /** Lowers all that is demanded, sources first, so that no later request reaches deep. */
  lowerAll(): void {
    for (const seq of this.#demand.order) {
      const wanted = this.#demand.kinds.get(seq)!;
      for (const stream of this.#streams(seq))
        if (stream.kinds.some((kind) => wanted.has(kind.name))) this.value(seq, stream);
    }
  }

  rows(stream: Stream): Rows {
    return remember(this.#rows, stream, () => this.#shared("rows", () => rowsOfStream(this.#g, stream)));
  }

  /** The value of `seq` at the rows of `stream`. */
  value(seq: Seq, stream: Stream): Value {
    const values = remember(this.#values, seq, () => new Map<Stream, Value>());
    return remember(values, stream, () =>
      stream.whole !== undefined && this.#demand.layers.has(seq)
        ? this.#part(this.value(seq, stream.whole), stream, stream.whole)
        : this.#lower(seq, stream),
    );
  }

  #lower(seq: Seq, stream: Stream): Value {
    switch (seq.op) {
      case "embed":
        return lowerRow(this.#scope(stream, seq, []), embedOf(this.#model, stream.kinds[0]!).row);
      case "restrict":
        return this.value(seq.attrs.of, stream);
      case "union":
        return this.value(
          seq.attrs.parts.find((part) => isAt(stream, [...part.shapes.keys()])) ?? lost(seq, stream),
          stream,
        );
      case "map":
        return lowerRow(this.#scope(stream, seq, seq.attrs.arguments), seq.attrs.body);
      case "select":
        return this.value(armAt(seq, stream), stream);
      case "joint": {
        const arm = armAt(seq, stream);
        return arm.op === "call" ? this.#call(seq, arm, stream) : this.value(arm, stream);
      }
      case "call":
        return this.#call(seq, seq, stream);
      default:
        throw new Error(`no such sequence: ${String(seq satisfies never)}`);
    }
  }

  #call(owner: Calling, call: SeqOf<"call">, stream: Stream): Value {
    return lowerRow(this.#callScope(owner, call, stream), call.attrs.block.body);
  }

  /** The block of `call` at `stream`; its attend meets the keys of all calls of `owner`. */
  #callScope(owner: Calling, call: SeqOf<"call">, stream: Stream): Scope {
    const calls = remember(this.#scopes, owner, () => new Map<Seq, Map<Stream, Scope>>());
    const scopes = remember(calls, call, () => new Map<Stream, Scope>());
    return remember(scopes, stream, () => ({
      ...this.#scope(stream, call, call.attrs.arguments, call.attrs.block.path),
      attend: (row: RowOf<"attend">) => this.#attend(owner, call, stream, row),
    }));
  }

  #attend(owner: Calling, call: SeqOf<"call">, stream: Stream, row: RowOf<"attend">): Value {
    const sites = sitesOf(this.#model, owner);
    const { mask } = sites.find((site) => site.call === call && isAt(stream, site.kinds)) ?? lost(owner, stream);
    const query = stream.kinds[0]!;
    const rows = this.rows(stream);
    const keys = sites.flatMap((site) =>
      this.#streams(owner)
        .filter((keyed) => isAt(keyed, site.kinds) && visible(mask, query, keyed.kinds[0]!))
        .map((keyed): Keys => {
          const scope = this.#callScope(owner, site.call, keyed);
          const [, k, v] = attendOf(site, call, row).src;
          const cases = casesOf(mask, query, keyed.kinds[0]!);
          const seen = this.#shared("mask", () => maskNode(this.#g, cases, rows, scope.rows));
          return { rows: scope.rows, k: lowerRow(scope, k!), v: lowerRow(scope, v!), mask: seen };
        }),
    );
    const q = lowerRow(this.#callScope(owner, call, stream), row.src[0]!);
    return attend(this.#g, row, { rows, q, covered: seesItself(mask, query) }, keys);
  }

  #scope(stream: Stream, seq: Seq, given: readonly (Seq | undefined)[], block = ""): Scope {
    const rows = this.rows(stream);
    return {
      g: this.#g,
      rows,
      positions: this.#model.position.limit,
      known: new Map(),
      origin: (row) => originOf(row, block, this.#place),
      parameter: (index) => this.value(given[index] ?? lost(seq, stream), stream),
      argument: (name) => this.#shared("rows", () => argumentNode(this.#g, this.#model, rows, name)),
      attend: () => lost(seq, stream),
    };
  }

  /** What a head reads of a stream. */
  #part(value: Value, stream: Stream, whole: Stream): Value {
    if (value.extent !== "row") return value;
    const slice = { axis: 1, ...sliceOf(whole.kinds, stream.kinds) };
    return this.#shared("rows", () =>
      unbatched(this.#g, this.#g.op("slice", [batched(this.#g, this.rows(whole), value)], slice), value.shape),
    );
  }

  /** What no part of the program says by itself: the layout of the rows, the mask. */
  #shared<R>(what: "rows" | "mask", make: () => R): R {
    return this.#g.under({ path: what, at: this.#place(this.#model.at) }, make);
  }

  #streams(seq: Seq): readonly Stream[] {
    return this.#demand.layers.has(seq) ? this.#partition.layers : this.#partition.heads;
  }
}

/**
 * `language.layers[3]` and a row called q: `language/layers.3/q`. What a block does by a part that it shares with others
 * (`language.rope`) stands in the block: `language/layers.3/rope/q`. A weight stands where it is declared.
 */
const originOf = (row: Row, block: string, place: (at: At) => string): Origin => {
  if (row.op === "weight") return { path: segments(row.attrs.weight.path), at: place(row.attrs.weight.at) };
  const outside = block !== "" && row.path !== "" && row.path !== block && !row.path.startsWith(`${block}.`);
  const path = outside ? `${block}.${row.path.replace(/.*\./, "")}` : row.path;
  const name = row.name ?? row.op;
  return { path: path === "" ? name : segments(`${path}.${name}`), at: place(row.at) };
};
const segments = (path: string): string => path.replaceAll(".", "/").replaceAll(/\[(\d+)\]/g, ".$1");

/** The attend whose keys another's queries meet: itself in the same call, else the one that the other block has. */
const attendOf = (site: Site, call: SeqOf<"call">, row: RowOf<"attend">): RowOf<"attend"> => {
  if (site.call === call) return row;
  const [only, ...more] = site.call.attrs.block.attends;
  if (only === undefined || more.length > 0)
    throw new Error(`${site.call.attrs.block.path} must attend once in a joint`);
  return only;
};

const isAt = (stream: Stream, kinds: readonly string[]): boolean => kinds.includes(stream.kinds[0]!.name);
const armAt = (seq: SeqOf<"select"> | SeqOf<"joint">, stream: Stream): Seq =>
  seq.attrs.arms.find((arm) => isAt(stream, arm.kinds))?.value ?? lost(seq, stream);
const lost = (seq: Seq, stream: Stream): never => {
  const kinds = stream.kinds.map((kind: Kind) => kind.name).join(", ");
  throw new Error(`${seq.path}: ${seq.op} ${seq.name ?? ""} asks for what rows of ${kinds} do not have`);
};
const remember = <K, V>(known: Map<K, V>, key: K, make: () => V): V => {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
};
