// A step of training: AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019) over the sums of
// gradients, after their common norm is limited, and a moving average of the weights. The numbers of a schedule are inputs,
// since they change with each step; 1 - beta is given beside beta, of which f32 would keep three digits.
import type { Output, Param, Port, TrainingProgram } from "../ir/module.ts";
import type { Builder, Node } from "../ir/node.ts";
import { CHANGED, inputOf, portOf } from "./state.ts";

const scalars = {
  limit: "the norm that all gradients together may have; a very large number for none",
  beta1: "how much of the first moment stays",
  rest1: "1 - beta1",
  beta2: "how much of the second moment stays",
  rest2: "1 - beta2",
  correction1: "1 - beta1^step; steps count from 1",
  correction2: "the root of 1 - beta2^step",
  epsilon: "added to the root of the second moment",
  keep: "how much of the moving average stays",
  take: "1 - keep",
} as const;
type Scalar = keyof typeof scalars;
const scalarPort = (name: Scalar): Port => ({ name, type: { dtype: "f32", shape: [] }, doc: scalars[name] });
const SCALARS = Object.keys(scalars) as Scalar[];

/** A norm of 0 divides nothing; as `torch.nn.utils.clip_grad_norm_` has it. */
const LEAST = 1e-6;

export const updateOf = (g: Builder, trained: readonly Param[]): TrainingProgram => {
  const each = (name: string, doc: string): Port => ({ name, type: { dtype: "f32", shape: [trained.length] }, doc });
  const rate = each("rate", "how fast each weight learns");
  const decay = each("decay", "what each weight loses by itself, in rates");
  const gradients = trained.map((param) => inputOf(g, portOf("gradient", param)));
  const norm = g.under({ path: "update/norm", at: "" }, () => normOf(g, gradients));
  const limited = g.op("min", [
    g.constant(1),
    g.op("div", [inputOf(g, scalarPort("limit")), g.op("add", [norm, g.constant(LEAST)])]),
  ]);
  const changed = trained.flatMap((param, i) =>
    g.under({ path: `update/${param.name.replaceAll(".", "/")}`, at: param.doc }, () => {
      const own = (port: Port): Node => g.op("gather", [inputOf(g, port), g.constant(i, "i32")]);
      return stepOf(g, param, g.op("mul", [gradients[i]!, limited]), own(rate), own(decay));
    }),
  );
  const kept = trained.flatMap((param) => (["gradient", ...CHANGED] as const).map((what) => portOf(what, param)));
  return {
    kind: "update",
    name: "update",
    shape: undefined,
    doc: "Changes the weights by sums of gradients, and moments and averages with them.",
    streams: [],
    last: undefined,
    inputs: [rate, decay, ...SCALARS.map(scalarPort), ...kept],
    outputs: [{ name: "norm", doc: "of all gradients together, before it is limited", node: norm }, ...changed],
  };
};

const stepOf = (g: Builder, param: Param, gradient: Node, rate: Node, decay: Node): Output[] => {
  const of = (name: Scalar): Node => inputOf(g, scalarPort(name));
  const before = (what: (typeof CHANGED)[number]): Node => inputOf(g, portOf(what, param));
  const moment1 = mixed(g, before("moment1"), of("beta1"), gradient, of("rest1"));
  const moment2 = mixed(g, before("moment2"), of("beta2"), g.op("mul", [gradient, gradient]), of("rest2"));
  const root = g.op("add", [g.op("div", [g.op("sqrt", [moment2]), of("correction2")]), of("epsilon")]);
  const step = g.op("mul", [g.op("div", [rate, of("correction1")]), g.op("div", [moment1, root])]);
  const shrunk = g.op("mul", [before("weight"), g.op("sub", [g.constant(1), g.op("mul", [rate, decay])])]);
  const weight = g.op("sub", [shrunk, step]);
  const average = mixed(g, before("average"), of("keep"), weight, of("take"));
  const after = { weight, moment1, moment2, average };
  return CHANGED.map((what) => {
    const { name, doc } = portOf(what, param);
    return { name: `new.${name}`, doc, node: after[what] };
  });
};
/** `a x + b y` */
const mixed = (g: Builder, x: Node, a: Node, y: Node, b: Node): Node =>
  g.op("add", [g.op("mul", [x, a]), g.op("mul", [y, b])]);

/** The root of the sum of all squares, `[]`. */
const normOf = (g: Builder, all: readonly Node[]): Node => {
  const squares = all.map((x): Node => {
    const square = g.op("mul", [x, x]);
    if (x.type.shape.length === 0) return square;
    const flat = x.type.shape.slice(1).reduce<Node>((node) => g.op("merge", [node], { axis: 0 }), square);
    return g.op("gather", [g.op("sum", [flat], { axis: 0 }), g.constant(0, "i32")]);
  });
  return g.op("sqrt", [squares.reduce((a, b) => g.op("add", [a, b]))]);
};
