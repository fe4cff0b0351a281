// One small graph for each template, from which its kernel can be read: tsc names the template that is missing.
import type { Node } from "../../../compiler/ir/node.ts";
import type { Template } from "../../../compiler/target/wgsl/header.ts";
import type { Case, Making } from "../draw.ts";
import { B, P, pairs, T } from "./sizes.ts";

const projected = (kind: "forward" | "decode"): Case["build"] => {
  return ({ g, f32, i32, weight }: Making) => {
    const x = g.op("rmsNorm", [f32("x", [B, T, 8]), weight("n", [8])], { eps: 1e-5 });
    const linear = (name: string, out: number): Node => g.op("linear", [x, weight(name, [out, 8])]);
    if (kind === "forward") return g.op("add", [f32("h", [B, T, 6]), linear("w", 6)]);
    const table = (part: "cos" | "sin"): Node =>
      g.op("table", [], { table: { kind: "rotary", rows: 40, dim: 8, theta: 100, part } });
    const position = i32("position", [B, T], 40);
    const turned = g.op("rotary", [linear("q", 16), table("cos"), table("sin"), position], {
      heads: 2,
      interleaved: false,
    });
    return [turned, g.op("mul", [g.op("silu", [linear("gate", 5)]), linear("up", 5)])];
  };
};
const normed: Case["build"] = ({ g, f32 }) => g.op("layerNorm", [f32("x", [B, T, 7])], { eps: 1e-5 });

const attended: Case = {
  title: "two streams of keys and a softcap",
  dims: pairs,
  build: ({ g, f32, bool }) => {
    const keys = [P, T].flatMap((count, i) => [
      f32(`k${i}`, [B, count, 8]),
      f32(`v${i}`, [B, count, 8]),
      bool(`m${i}`, [B, 1, T, count]),
    ]);
    return g.op("attention", [f32("q", [B, T, 32]), ...keys], {
      heads: 4,
      kvHeads: 1,
      scale: 0.25,
      softcap: 30,
      covered: false,
    });
  },
};

/** So many keys that parts of them pay off. */
const many: Case = { ...attended, kind: "decode", dims: [{ batch: 1, text: 1, "image.patch": 1031 }] };

export const typical: Readonly<Record<Template, Case>> = {
  "linear.wide": { title: "a product of normed rows, added to others", dims: pairs, build: projected("forward") },
  "linear.narrow": {
    title: "turned heads beside a gated product",
    dims: pairs,
    kind: "decode",
    build: projected("decode"),
  },
  "linear.split": {
    title: "turned heads beside a gated product, of few rows",
    dims: pairs,
    kind: "decode",
    build: projected("decode"),
  },
  "linear.tiled": { title: "a product of normed rows, added to others", dims: pairs, build: projected("forward") },
  attention: attended,
  "attention.split": { ...attended, kind: "decode" },
  "attention.part": many,
  "attention.merge": many,
  "attention.tiled": attended,
  "attention.over": attended,
  "attention.end": attended,
  product: {
    title: "scores of heads",
    dims: pairs,
    build: ({ g, f32 }) =>
      g.op("mul", [g.op("matmul", [f32("a", [B, 2, T, 6]), f32("b", [B, 2, 6, 7])]), g.constant(0.5)]),
  },
  reduce: {
    title: "the largest of a row",
    dims: pairs,
    build: ({ g, f32 }) => g.op("amax", [f32("x", [B, T, 7])], { axis: 2 }),
  },
  statistics: { title: "a norm that is not before a product", dims: pairs, build: normed },
  "reduce.split": {
    title: "the largest of a long row",
    dims: pairs,
    build: ({ g, f32 }) => g.op("amax", [f32("x", [B, T, 131])], { axis: 2 }),
  },
  "statistics.split": {
    title: "a norm of long rows",
    dims: pairs,
    build: ({ g, f32 }) => g.op("layerNorm", [f32("x", [B, T, 131])], { eps: 1e-5 }),
  },
  pointwise: { title: "a norm that is not before a product", dims: pairs, build: normed },
};
