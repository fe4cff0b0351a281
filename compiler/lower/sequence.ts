// Sequences as values of streams: each is lowered at a stream at most once. An attend meets the keys of the new rows that
// it sees, and those of past rows as caches have them.
import type { At, Model, Row, RowOf, Seq, SeqOf } from "../analyze/model.ts";
import type { Graph } from "../ir/graph.ts";
import type { Node, Origin } from "../ir/node.ts";
import type { Demand, Kept } from "../rows/demand.ts";
import { casesOf, type Cases, seesItself, seesPast, visible } from "../rows/mask.ts";
import { casesIn, type Precedes } from "../rows/precedence.ts";
import type { Cache } from "../rows/phase.ts";
import type { Stream } from "../rows/stream.ts";
import { embedOf, meetingOf, type Calling, type Meeting } from "../rows/walk.ts";
import { attend, type Keys } from "./attention.ts";
import { argumentNode, cachePort, inputNode, pastOfStream, type Places, type Rows, rowsOfStream } from "./entry.ts";
import { lowerRow, type Scope } from "./row.ts";
import { batched, type Value } from "./value.ts";
import { maskNode } from "./visibility.ts";

/** What a program computes and what it finds. */
export interface Lowering {
  readonly g: Graph;
  readonly model: Model;
  readonly demand: Demand;
  /** the streams whose rows it computes */
  readonly fresh: readonly Stream[];
  /** those among them with rows that past ones may stand after */
  readonly again: readonly Stream[];
  /** the caches that it reads */
  readonly caches: readonly Cache[];
  /** whether a new row of one stream may stand before one of another */
  readonly among: Precedes;
  readonly place: (at: At) => string;
}
/** Keys and values of one stream at one call. */
interface Pair {
  readonly k: Node;
  readonly v: Node;
}

/** The sequences of one program. */
export class Sequences {
  readonly #to: Lowering;
  readonly #rows = new Map<Stream, Rows>();
  readonly #past = new Map<Stream, Places>();
  readonly #values = new Map<Seq, Map<Stream, Value>>();
  /** in which sequence each call attends */
  readonly #owners = new Map<SeqOf<"call">, Calling>();
  /** by who attends, the call, the stream */
  readonly #scopes = new Map<Seq, Map<Seq, Map<Stream, Scope>>>();

  constructor(to: Lowering) {
    this.#to = to;
    for (const seq of to.demand.order.toReversed())
      if (seq.op === "call" || seq.op === "joint")
        for (const { call } of meetingOf(to.model, seq)) this.#owners.set(call, seq);
  }

  /** Lowers all that is demanded, sources first, so that no later request reaches deep. */
  lowerAll(): void {
    const { order, streams } = this.#to.demand;
    for (const seq of order) for (const stream of streams.get(seq)!) this.value(seq, stream);
  }

  rows(stream: Stream): Rows {
    return remember(this.#rows, stream, () => this.#shared("rows", () => rowsOfStream(this.#to.g, stream)));
  }

  /** The value of `seq` at the rows of `stream`. */
  value(seq: Seq, stream: Stream): Value {
    const values = remember(this.#values, seq, () => new Map<Stream, Value>());
    return remember(values, stream, () => this.#lower(seq, stream));
  }

  /** `[batch, rows, numbers]` */
  batched(seq: Seq, stream: Stream): Node {
    return batched(this.#to.g, this.rows(stream), this.value(seq, stream));
  }

  /** The keys and values that a call makes of the rows of a stream: `[batch, rows, kvHeads, width]`. */
  kept({ call, attend, stream }: Kept): { readonly k: Node; readonly v: Node } {
    const scope = this.#callScope(this.#owners.get(call)!, call, stream);
    const [, k, v] = call.attrs.block.attends[attend]!.src;
    const apart = (row: Row): Node => {
      const value = lowerRow(scope, row);
      return this.#to.g.op("split", [batched(this.#to.g, scope.rows, value)], { axis: 2, sizes: value.shape });
    };
    return { k: apart(k!), v: apart(v!) };
  }

  #lower(seq: Seq, stream: Stream): Value {
    switch (seq.op) {
      case "embed":
        return lowerRow(this.#scope(stream, seq, []), embedOf(this.#to.model, stream.kinds[0]!).row);
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
    const { g, model, fresh, again, caches } = this.#to;
    const meetings = meetingOf(model, owner);
    const { mask } =
      meetings.find((meeting) => meeting.call === call && isAt(stream, meeting.kinds)) ?? lost(owner, stream);
    const query = stream.kinds[0]!;
    const rows = this.rows(stream);
    const found = meetings.flatMap((meeting): Keys[] => {
      const attends = attendOf(meeting, call, row);
      const kvHeads = attends.src[1]!.shape[0]!;
      const seen = (places: Places, cases: Cases): Node => this.#shared("mask", () => maskNode(g, cases, rows, places));
      const ofPast = (key: Stream): Cases =>
        again.includes(stream) ? casesOf(mask, query, key.kinds[0]!) : before(casesOf(mask, query, key.kinds[0]!));
      const past = caches.filter(
        (cache) =>
          cache.call === meeting.call &&
          attends === meeting.call.attrs.block.attends[cache.attend] &&
          seesPast(casesOf(mask, query, cache.stream.kinds[0]!)),
      );
      const among = (key: Stream): Cases => casesIn(mask, stream, key, this.#to.among);
      const own = fresh.filter((key) => isAt(key, meeting.kinds) && visible(among(key)));
      return [
        ...past.map((cache) => ({
          ...this.#cached(cache),
          kvHeads,
          mask: seen(this.#places(cache.stream), ofPast(cache.stream)),
        })),
        ...own.map((key) => {
          const scope = this.#callScope(owner, meeting.call, key);
          const [, k, v] = attends.src.map((operand, i) =>
            i === 0 ? undefined : batched(g, scope.rows, lowerRow(scope, operand)),
          );
          return { k: k!, v: v!, kvHeads, mask: seen(scope.rows.given, among(key)) };
        }),
      ];
    });
    const q = lowerRow(this.#callScope(owner, call, stream), row.src[0]!);
    return attend(g, row, { rows, q, covered: seesItself(mask, query) }, found);
  }

  /** `[batch, room, kvHeads * width]` */
  #cached(cache: Cache): Pair {
    const { g } = this.#to;
    const flat = (what: "k" | "v"): Node =>
      g.op("merge", [g.op("transpose", [inputNode(g, cachePort(cache, what))], { perm: [0, 2, 1, 3] })], { axis: 2 });
    return { k: flat("k"), v: flat("v") };
  }
  #places(stream: Stream): Places {
    return remember(this.#past, stream, () => this.#shared("rows", () => pastOfStream(this.#to.g, stream)));
  }

  #scope(stream: Stream, seq: Seq, given: readonly (Seq | undefined)[], block = ""): Scope {
    const { g, model, place } = this.#to;
    const rows = this.rows(stream);
    return {
      g,
      rows,
      positions: model.position.limit,
      known: new Map(),
      origin: (row) => originOf(row, block, place),
      parameter: (index) => this.value(given[index] ?? lost(seq, stream), stream),
      argument: (name) => this.#shared("rows", () => argumentNode(g, model, rows, name)),
      attend: () => lost(seq, stream),
    };
  }

  /** What no part of the program says by itself: the layout of the rows, the mask. */
  #shared<R>(what: "rows" | "mask", make: () => R): R {
    return this.#to.g.under({ path: what, at: this.#to.place(this.#to.model.at) }, make);
  }
}

const before = ({ same, other }: Cases): Cases => ({
  same: { before: same.before, after: same.before },
  other: { before: other.before, after: other.before },
});

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
const attendOf = (meeting: Meeting, call: SeqOf<"call">, row: RowOf<"attend">): RowOf<"attend"> => {
  if (meeting.call === call) return row;
  const [only, ...more] = meeting.call.attrs.block.attends;
  if (only === undefined || more.length > 0)
    throw new Error(`${meeting.call.attrs.block.path} must attend once in a joint`);
  return only;
};

const isAt = (stream: Stream, kinds: readonly string[]): boolean =>
  stream.kinds.some((kind) => kinds.includes(kind.name));
const armAt = (seq: SeqOf<"select"> | SeqOf<"joint">, stream: Stream): Seq =>
  seq.attrs.arms.find((arm) => isAt(stream, arm.kinds))?.value ?? lost(seq, stream);
const lost = (seq: Seq, stream: Stream): never => {
  throw new Error(`${seq.path}: ${seq.op} ${seq.name ?? ""} asks for what rows of ${stream.name} do not have`);
};
const remember = <K, V>(known: Map<K, V>, key: K, make: () => V): V => {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
};
