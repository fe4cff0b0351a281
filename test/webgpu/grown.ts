// Graphs grown at random: each step does something to one or two of the values there are, whatever their shapes. Numbers
// stay of a size at which f32 has something to say.
import { type Dim, same, sameShape } from "../../compiler/ir/dim.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { Random } from "../ir/random.ts";
import { B, P, pairs, T } from "./cases/sizes.ts";
import type { Case, Making } from "./draw.ts";

const STEPS = 9;
const WIDTHS = [1, 2, 3, 4, 6, 8, 12, 13, 20];

export const grown = (seed: number): Case => {
  const decides = new Random(seed * 7919);
  const kind = decides.next() < 0.3 ? "decode" : "forward";
  const stored = decides.pick(["f32", "f32", "f16", "bf16"] as const);
  return {
    title: `seed ${seed}`,
    dims: pairs.slice(1),
    kind,
    stored,
    build: (make) => new Growth(make, seed).outputs(),
  };
};

/** One way for values to become another; undefined where it does not suit them. */
type Step = (x: Node) => Node | undefined;

class Growth {
  readonly #make: Making;
  readonly #random: Random;
  readonly #pool: Node[] = [];
  #names = 0;

  constructor(make: Making, seed: number) {
    this.#make = make;
    this.#random = new Random(seed);
  }

  outputs(): readonly Node[] {
    const r = this.#random;
    for (const shape of [
      [B, T, r.pick(WIDTHS)],
      [B, P, r.pick(WIDTHS)],
      [B, T],
    ] as const)
      this.#pool.push(this.#input(shape));
    const steps = this.#steps();
    for (let taken = 0; taken < STEPS;) {
      // Late values more often, so that graphs become deep.
      const x = this.#pool.at(-1 - Math.floor(this.#pool.length * r.next() ** 2))!;
      const y = r.pick(steps)(x);
      if (y === undefined || this.#isLarge(y)) continue;
      this.#pool.push(y);
      taken++;
    }
    return [this.#pool.at(-1)!, r.pick(this.#pool.slice(3))];
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }
  #input(shape: readonly Dim[]): Node {
    return this.#make.f32(this.#name("x"), shape);
  }
  /** More than the evaluator should have to do. */
  #isLarge({ type: { shape } }: Node): boolean {
    const size = shape.reduce<number>((n, d) => n * (typeof d === "number" ? d : 6), 1);
    return shape.length > 5 || size > 20_000;
  }

  #steps(): readonly Step[] {
    const { g, weight, i32, bool } = this.#make;
    const r = this.#random;
    const axisOf = (x: Node, fits: (d: Dim) => boolean = () => true): number | undefined => {
      const axes = x.type.shape.flatMap((d, axis) => (fits(d) ? [axis] : []));
      return axes.length === 0 ? undefined : r.pick(axes);
    };
    const width = (x: Node): number | undefined => {
      const last = x.type.shape.at(-1);
      return typeof last === "number" ? last : undefined;
    };
    const small = (x: Node): Node => g.op("tanh", [x]);
    const unary: Step = (x) =>
      g.op(r.pick(["tanh", "sigmoid", "neg", "erf", "silu", "gelu", "geluTanh"] as const), [x]);
    const powers: Step = (x) => {
      const y = g.op("add", [g.op("mul", [small(x), g.constant(0.5)]), g.constant(1)]);
      return r.pick([
        () => g.op("exp", [small(x)]),
        () => g.op("log", [y]),
        () => g.op("sqrt", [y]),
        () => g.op("pow", [y, g.constant(1.5)]),
      ])();
    };
    const binary: Step = (x) => {
      const partner = r.pick([
        ...this.#pool.filter(({ type }) => sameShape(type.shape, x.type.shape)),
        this.#input(x.type.shape.map((d) => (r.next() < 0.3 ? 1 : d))),
      ]);
      return g.op(r.pick(["add", "mul", "max", "min"] as const), [x, partner]);
    };
    const chosen: Step = (x) => {
      const y = this.#input(x.type.shape.slice(-1));
      return g.op("where", [bool(this.#name("c"), [...x.type.shape.slice(0, -1), 1]), x, y]);
    };
    const transpose: Step = (x) => {
      const perm = x.type.shape.map((_, axis) => axis);
      for (let i = perm.length - 1; i > 0; i--) {
        const j = r.below(i + 1);
        [perm[i], perm[j]] = [perm[j]!, perm[i]!];
      }
      return g.op("transpose", [x], { perm });
    };
    const split: Step = (x) => {
      const axis = axisOf(x, (d) => typeof d === "number" && d > 3 && d % 2 === 0);
      if (axis === undefined) return undefined;
      const half = (x.type.shape[axis] as number) / 2;
      return g.op("split", [x], {
        axis,
        sizes: r.pick([
          [2, half],
          [half, 2],
        ]),
      });
    };
    const merge: Step = (x) =>
      x.type.shape.length < 2 ? undefined : g.op("merge", [x], { axis: r.below(x.type.shape.length - 1) });
    const slice: Step = (x) => {
      const axis = axisOf(x, (d) => typeof d === "number" && d > 1);
      if (axis === undefined) return undefined;
      const start = r.below(x.type.shape[axis] as number);
      return g.op("slice", [x], { axis, start, size: 1 + r.below((x.type.shape[axis] as number) - start) });
    };
    const broadcast: Step = (x) => g.op("broadcast", [x], { shape: [r.pick([2, B, 3]), ...x.type.shape] });
    const concat: Step = (x) => {
      const axis = axisOf(x);
      if (axis === undefined) return undefined;
      const others = this.#pool.filter(
        ({ type: { shape } }) =>
          shape.length === x.type.shape.length && sameShape(shape.toSpliced(axis, 1), x.type.shape.toSpliced(axis, 1)),
      );
      return g.op("concat", [x, r.next() < 0.5 ? g.op("mul", [x, g.constant(0.7)]) : r.pick(others)], { axis });
    };
    const reduce: Step = (x) => {
      const axis = axisOf(x);
      return axis === undefined ? undefined : g.op(r.pick(["sum", "amax"] as const), [small(x)], { axis });
    };
    const softmax: Step = (x) => g.op("softmax", [x], { axis: axisOf(x) ?? 0 });
    const norm: Step = (x) => {
      const n = width(x);
      if (n === undefined || n < 3) return undefined;
      const own = [weight(this.#name("w"), [n]), weight(this.#name("w"), [n])];
      if (r.next() < 0.5) return g.op("rmsNorm", [x, ...own.slice(0, r.below(2))], { eps: 0.1 });
      return g.op("layerNorm", [x, ...own.slice(0, r.below(3))], { eps: 0.1 });
    };
    const linear: Step = (x) => {
      const n = width(x);
      if (n === undefined || x.type.shape.length < 2) return undefined;
      const out = r.pick(WIDTHS);
      const bias = r.next() < 0.5 ? [weight(this.#name("b"), [out])] : [];
      return g.op("linear", [small(x), weight(this.#name("w"), [out, n]), ...bias]);
    };
    const gate: Step = (x) => {
      const n = width(x);
      if (n === undefined || x.type.shape.length < 2) return undefined;
      const [a, b] = [weight(this.#name("w"), [n, n]), weight(this.#name("w"), [n, n])];
      return g.op("add", [x, g.op("mul", [g.op("silu", [g.op("linear", [x, a])]), g.op("linear", [x, b])])]);
    };
    const matmul: Step = (x) => {
      const rank = x.type.shape.length;
      if (rank < 2) return undefined;
      const perm = [...x.type.shape.keys()].toSpliced(rank - 2, 2, rank - 1, rank - 2);
      return g.op("matmul", [small(x), g.op("transpose", [x], { perm })]);
    };
    const gather: Step = (x) => {
      const rows = x.type.shape[0]!;
      if (typeof rows !== "number")
        return g.op("gather", [weight(this.#name("w"), [7, 5]), i32(this.#name("id"), [B, T], 7)]);
      return g.op("gather", [x, i32(this.#name("id"), [T], rows)]);
    };
    const isRows = (x: Node): boolean =>
      x.type.shape.length === 3 && same(x.type.shape[0]!, B) && same(x.type.shape[1]!, T) && width(x) !== undefined;
    const rotary: Step = (x) => {
      const n = width(x);
      if (n === undefined || n % 4 !== 0 || !isRows(x)) return undefined;
      const heads = r.pick([1, 2]);
      const table = (part: "cos" | "sin"): Node =>
        g.op("table", [], { table: { kind: "rotary", rows: 40, dim: n / heads, theta: 100, part } });
      return g.op("rotary", [x, table("cos"), table("sin"), i32(this.#name("id"), [B, T], 40)], {
        heads,
        interleaved: r.next() < 0.3,
      });
    };
    const attention: Step = (x) => {
      const n = width(x);
      if (n === undefined || n % 2 !== 0 || !isRows(x)) return undefined;
      const past = [this.#input([B, P, n / 2]), this.#input([B, P, n / 2]), bool(this.#name("m"), [B, 1, T, P], 0.6)];
      const own = [
        g.op("slice", [x], { axis: 2, start: 0, size: n / 2 }),
        this.#input([B, T, n / 2]),
        bool(this.#name("m"), [B, 1, T, T], 0.6),
      ];
      return g.op("attention", [x, ...past, ...(r.next() < 0.5 ? own : [])], {
        heads: 2,
        kvHeads: 1,
        scale: 0.7,
        softcap: r.pick([undefined, 2]),
        covered: false,
      });
    };
    return [
      unary,
      unary,
      powers,
      binary,
      binary,
      chosen,
      transpose,
      transpose,
      split,
      split,
      merge,
      merge,
      slice,
      broadcast,
      concat,
      reduce,
      softmax,
      norm,
      norm,
      linear,
      linear,
      gate,
      matmul,
      gather,
      rotary,
      attention,
      attention,
    ];
  }
}
