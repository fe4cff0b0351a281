// Gradients as kernels: those of ops that move, join and multiply rows.
import { describe, test } from "vitest";
import { differentiate } from "../../compiler/gradient/index.ts";
import { type Node, toposort } from "../../compiler/ir/node.ts";
import { optimize } from "../../compiler/optimize/index.ts";
import { cases } from "../gradient/cases.ts";
import { total } from "../gradient/subject.ts";
import type { Sample } from "../ir/samples.ts";
import { agrees } from "./agree.ts";
import type { Case } from "./draw.ts";
import { gpu } from "./gpu.ts";

/** What a sample gives, weighed and summed, by all that it is given. */
const gradientsOf = ({ title, dims, build }: Sample): Case => ({
  title,
  dims: dims.slice(0, 1),
  build: (make) => {
    const { g } = make;
    const root = build(make);
    const shares = make.f32("shares", root.type.shape, -1, 1);
    const given = toposort([root]).filter((n) => (n.op === "input" || n.op === "param") && n.type.dtype === "f32");
    const { outputs, gradients } = differentiate(g, [total(g, g.op("mul", [root, shares])), root], given);
    // Not the loss: a sum of numbers of both signs may be near 0, and have few digits.
    const named = [...outputs.slice(1), ...gradients].map((node) => ({ name: "", node, doc: "" }));
    const program = { name: "", doc: "", inputs: [], outputs: named };
    const [optimized] = optimize({ name: "", doc: "", params: [], programs: [program] }).programs;
    return optimized!.outputs.map(({ node }): Node => node);
  },
});

const ops = [
  "matmul",
  "gather",
  "concat",
  "sinusoid",
  "linear",
  "layerNorm",
  "rotary",
  "attention",
  "scatter",
] as const;
describe.each(ops)("%s", (op) => {
  test.each(cases[op])("$title", async (sample) => void (await agrees(await gpu(), gradientsOf(sample))));
});
