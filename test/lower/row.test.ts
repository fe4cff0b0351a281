// Every row-wise op, at every extent: of the whole call, a document, a span, a row.
import { describe, test } from "vitest";
import type { Input, Row, RowOp } from "../../compiler/analyze/model.ts";
import { at, document, h0, map, mul, number, parameter, restrict, row, weight } from "../oracle/build.ts";
import { agree, model, read } from "./build.ts";

const inputs: Input[] = [
  { name: "given", per: "call", type: { kind: "number", shape: [4] }, doc: "", at },
  { name: "style", per: "document", type: { kind: "number", shape: [4] }, doc: "", at },
  { name: "noise", per: { span: "image" }, type: { kind: "number", shape: [4] }, doc: "", at },
  { name: "label", per: { span: "image" }, type: { kind: "index", below: 4 }, doc: "", at },
];
const [given, style, noise, label] = inputs.map(read) as [Row, Row, Row, Row];
const extents: Readonly<Record<string, Row>> = { constant: given, document: style, span: noise, row: parameter(0, 4) };

const w = weight("w", [4]);
const square = weight("m", [4, 4]);
const two = (x: Row): Row => row("split", [x], { heads: 2 }, [2, 2]);
const positive = (x: Row): Row => row("exp", [x], {}, [4]);
const scalar = (x: Row): Row => row("sum", [x], {}, []);

/** What is not here says itself where rows come from or meet; other tests have it. */
type Apart = "input" | "argument" | "coordinate" | "coordinates" | "parameter" | "extend" | "rotary" | "attend";
const bodies: { readonly [K in Exclude<RowOp, Apart>]: (x: Row) => readonly Row[] } = {
  number: (x) => [row("add", [x, number(0.5)], {}, [4])],
  weight: (x) => [row("add", [w, x], {}, [4])],
  add: (x) => [
    row("add", [x, parameter(0, 4)], {}, [4]),
    row("add", [two(x), row("chunk", [x], { parts: 2, take: 1 }, [2])], {}, [2, 2]),
  ],
  sub: (x) => [row("sub", [scalar(x), x], {}, [4]), row("sub", [scalar(parameter(0, 4)), two(x)], {}, [2, 2])],
  mul: (x) => [row("mul", [x, w], {}, [4])],
  div: (x) => [row("div", [x, positive(x)], {}, [4])],
  min: (x) => [row("min", [x, number(0)], {}, [4])],
  max: (x) => [row("max", [x, w], {}, [4])],
  neg: (x) => [row("neg", [x], {}, [4])],
  exp: (x) => [positive(x)],
  log: (x) => [row("log", [positive(x)], {}, [4])],
  sqrt: (x) => [row("sqrt", [positive(x)], {}, [4])],
  tanh: (x) => [row("tanh", [x], {}, [4])],
  sigmoid: (x) => [row("sigmoid", [x], {}, [4])],
  relu: (x) => [row("relu", [x], {}, [4])],
  silu: (x) => [row("silu", [x], {}, [4])],
  gelu: (x) => [row("gelu", [x], {}, [4])],
  gelu_tanh: (x) => [row("gelu_tanh", [x], {}, [4])],
  rms_norm: (x) => [[x], [x, w], [x, noise], [x, mul(given, w)]].map((src) => row("rms_norm", src, { eps: 1e-5 }, [4])),
  layer_norm: (x) =>
    [[x], [x, w], [x, w, given], [x, w, noise]].map((src) => row("layer_norm", src, { eps: 1e-5 }, [4])),
  softmax: (x) => [row("softmax", [x], {}, [4]), row("softmax", [two(x)], {}, [2, 2])],
  linear: (x) =>
    [
      [x, square],
      [x, square, w],
      [x, square, noise],
      [x, mul(given, square)],
    ].map((src) => row("linear", src, {}, [4])),
  lookup: (x) => [row("add", [x, row("lookup", [square, label], {}, [4])], {}, [4])],
  split: (x) => [two(x)],
  merge: (x) => [row("merge", [two(x)], {}, [4])],
  chunk: (x) => [row("chunk", [x], { parts: 4, take: 2 }, [1])],
  concat: (x) => [
    row("concat", [x, w, noise], {}, [12]),
    row("concat", [two(x), two(x)], {}, [2, 4]),
    row("concat", [x, x], {}, [8]),
  ],
  reorder: (x) => ["p q", "pq"].map((from) => row("reorder", [x], { from, to: "q p", sizes: { p: 2, q: 2 } }, [4])),
  sum: (x) => [scalar(x), row("sum", [two(x)], {}, [2])],
  mean: (x) => [row("mean", [x], {}, []), row("mean", [two(x)], {}, [2])],
  stop_gradient: (x) => [row("stop_gradient", [x], {}, [4])],
  sinusoid: (x) =>
    (["cos sin", "sin cos"] as const).map((order) =>
      row("sinusoid", [scalar(x)], { dim: 6, period: 50, divisor: 2, scale: 2, order }, [6]),
    ),
};

describe.each(Object.entries(bodies))("%s", (_op, bodyOf) => {
  test.each(Object.entries(extents))("of a %s", (_extent, x) => {
    for (const body of bodyOf(x)) {
      const flat = body.shape.length === 2 ? row("merge", [body], {}, [body.shape[0]! * body.shape[1]!]) : body;
      const step = map(flat.shape.length === 0 ? mul(w, flat) : flat, restrict(h0, "image.patch"));
      const values = (...numbers: number[]): Float32Array => Float32Array.from(numbers);
      const span = (seed: number, index: number) => ({ noise: values(seed, -1, 0.25, 0.5), label: index });
      const batch = [
        document("t[pppppp]", {
          inputs: { given: values(0.5, 1, -2, 0.1), style: values(1, 2, 3, 4) },
          spans: { image: [span(0.5, 2)] },
        }),
        document("[pppppp]t[pppppp]", {
          inputs: { given: values(0.5, 1, -2, 0.1), style: values(-1, 0, 0.5, 2) },
          spans: { image: [span(1, 3), span(-1, 1)] },
        }),
      ];
      agree(model({ steps: [step], inputs, image: step }), batch);
    }
  });
});
