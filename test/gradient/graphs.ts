// Random graphs: each step takes rows that are there and makes more of them, so that most are read by several.
import { sym } from "../../compiler/ir/dim.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Random } from "../ir/random.ts";
import type { Make, Sample } from "../ir/samples.ts";

const [B, T] = [sym("batch"), sym("text")];
const D = 4;

class Grower {
  readonly #make: Make;
  readonly #random: Random;
  readonly #rows: Node[];
  #names = 0;

  constructor(make: Make, random: Random) {
    this.#make = make;
    this.#random = random;
    this.#rows = [make.f32("x", [B, T, D]), make.f32("y", [B, T, D])];
  }

  grow(steps: number): Node {
    for (let i = 0; i < steps; i++) this.#rows.push(this.#random.pick(this.#steps)(this.#any(), this.#any()));
    const { g } = this.#make;
    return g.op("concat", this.#rows.slice(-2), { axis: 1 });
  }

  #name(): string {
    return `n${this.#names++}`;
  }
  /** Rows, rather the newest. */
  #any(): Node {
    const last = this.#rows.length - 1;
    return this.#rows[Math.max(last - this.#random.below(4), 0)]!;
  }
  /** Something that is broadcast to rows. */
  #narrow(): Node {
    const { f32, weight } = this.#make;
    const shapes = [[], [D], [1, 1], [T, 1], [B, 1, D], [1, T, D]] as const;
    const shape = this.#random.pick(shapes);
    return shape.every((d) => typeof d === "number") ? weight(this.#name(), shape) : f32(this.#name(), shape);
  }
  #weight(...shape: readonly number[]): Node {
    return this.#make.weight(this.#name(), shape);
  }
  #index(below: number): Node {
    return this.#make.i32(this.#name(), [B, T], below);
  }
  #positive(x: Node): Node {
    const { g } = this.#make;
    return g.op("add", [g.op("sigmoid", [x]), g.constant(0.5)]);
  }

  readonly #steps: readonly ((x: Node, y: Node) => Node)[] = [
    (x, y) => this.#make.g.op(this.#random.pick(["add", "sub", "mul", "max", "min"]), [x, y]),
    (x) => this.#make.g.op(this.#random.pick(["add", "sub", "mul", "max", "min"]), [this.#narrow(), x]),
    (x, y) => this.#make.g.op("div", [x, this.#positive(y)]),
    (x, y) => this.#make.g.op("pow", [this.#positive(x), y]),
    (x) => this.#make.g.op(this.#random.pick(["tanh", "sigmoid", "erf", "neg", "silu", "gelu", "geluTanh"]), [x]),
    (x) => this.#make.g.op(this.#random.pick(["exp", "log", "sqrt"]), [this.#positive(x)]),
    (x, y) => {
      const { g } = this.#make;
      return g.op("where", [g.op("less", [x, this.#narrow()]), x, g.op("tanh", [y])]);
    },
    (x) => {
      const own = [this.#weight(D), this.#weight(D)].slice(0, this.#random.below(3));
      return this.#make.g.op("layerNorm", [x, ...own], { eps: 0.1 });
    },
    (x) => this.#make.g.op("rmsNorm", [x, this.#weight(D)], { eps: 0.1 }),
    (x) => this.#make.g.op("softmax", [x], { axis: this.#random.below(3) }),
    (x) => {
      const own = [this.#weight(D, D), this.#weight(D)].slice(0, 1 + this.#random.below(2));
      return this.#make.g.op("linear", [x, ...own]);
    },
    (x, y) => {
      const { g } = this.#make;
      const scores = g.op("matmul", [x, g.op("transpose", [y], { perm: [0, 2, 1] })]);
      return g.op("matmul", [g.op("tanh", [scores]), g.op("matmul", [y, this.#weight(D, D)])]);
    },
    (x, y) => {
      const { g, bool } = this.#make;
      const kvHeads = this.#random.pick([1, 2]);
      const thin = g.op("slice", [y], { axis: 2, start: 0, size: 2 * kvHeads });
      const src = [x, thin, g.op("tanh", [thin]), bool(this.#name(), [B, 1, T, T], 0.6)];
      const softcap = this.#random.pick([undefined, 1.5]);
      return g.op("attention", src, { heads: 2, kvHeads, scale: 0.7, softcap, covered: false });
    },
    (x) => {
      const { g } = this.#make;
      const table = (part: "cos" | "sin"): Node =>
        g.op("table", [], { table: { kind: "rotary", rows: 9, dim: 2, theta: 10, part } });
      const attrs = { heads: 2, interleaved: this.#random.next() < 0.5 };
      return g.op("rotary", [x, table("cos"), table("sin"), this.#index(9)], attrs);
    },
    (x, y) => {
      const { g } = this.#make;
      const start = this.#random.below(3);
      const part = (of: Node, from: number): Node => g.op("slice", [of], { axis: 2, start: from, size: 2 });
      return g.op("concat", [part(x, start), part(y, 2), part(x, 0)].slice(0, 2), { axis: 2 });
    },
    (x) => {
      const { g } = this.#make;
      const heads = g.op("split", [x], { axis: 2, sizes: [2, 2] });
      return g.op("merge", [g.op("transpose", [heads], { perm: [0, 1, 3, 2] })], { axis: 2 });
    },
    (x) => {
      const { g } = this.#make;
      return g.op("split", [g.op("tanh", [g.op("merge", [x], { axis: 0 })])], { axis: 0, sizes: [B, T] });
    },
    (x) => {
      const { g } = this.#make;
      return g.op("sub", [x, g.op(this.#random.pick(["sum", "amax"]), [x], { axis: this.#random.below(3) })]);
    },
    (x) => this.#make.g.op("add", [x, this.#make.g.op("gather", [this.#weight(5, D), this.#index(3)])]),
    (x) => {
      const { g } = this.#make;
      return g.op("gather", [g.op("scatter", [x, this.#index(4)], { rows: 6 }), this.#index(6)]);
    },
    (x) => {
      const { g } = this.#make;
      const column = g.op("merge", [g.op("slice", [x], { axis: 2, start: 1, size: 1 })], { axis: 1 });
      const order = this.#random.pick(["cos sin", "sin cos"] as const);
      return g.op("sinusoid", [column], { dim: D, period: 100, divisor: 2, scale: 2, order });
    },
    (x) => this.#make.g.op("broadcast", [this.#make.g.op("sum", [x], { axis: 1 })], { shape: [B, T, D] }),
    (x, y) => this.#make.g.op("mul", [x, this.#make.g.op("stopGradient", [y])]),
    (x) => this.#make.g.op("cast", [this.#make.g.op("cast", [x], { dtype: "f16" })], { dtype: "f32" }),
  ];
}

/** A graph of a few steps. */
export const randomGraph = (random: Random): Sample => ({
  title: "a random graph",
  dims: [{ batch: 2, text: 3 }],
  build: (make) => new Grower(make, random).grow(2 + random.below(7)),
});
