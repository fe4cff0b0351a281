// Names of a specification stand above kernels, and nothing in them ends the comment that they are in.
import { expect, test } from "vitest";
import { webgpu } from "../../compiler/index.ts";
import { Graph } from "../../compiler/ir/graph.ts";
import type { ModelModule } from "../../compiler/ir/module.ts";
import { B, T } from "./cases/sizes.ts";
import { validateByNaga } from "./wgsl.ts";

/** A model all of whose names are this one. */
const named = (name: string): ModelModule => {
  const g = new Graph();
  const type = { dtype: "f32", shape: [B, T, 4] } as const;
  const weight = { dtype: "f32", shape: [5, 4] } as const;
  const y = g.under({ path: name, at: name }, () =>
    g.op("linear", [g.op("input", [], { name, type }), g.op("param", [], { name, type: weight })]),
  );
  return {
    name,
    doc: name,
    params: [{ name, type: weight, doc: name }],
    programs: [
      {
        name,
        doc: name,
        kind: "forward",
        inputs: [{ name, type, doc: name }],
        outputs: [{ name, node: y, doc: name }],
        streams: [{ name: "text", kinds: [name] }],
        whole: [],
        again: [],
        reads: [],
        writes: [],
      },
    ],
  };
};
const split = (wgsl: string): readonly [comments: readonly string[], code: string] => {
  const lines = wgsl.split("\n");
  const count = lines.findIndex((line) => !line.startsWith("//"));
  return [lines.slice(0, count), lines.slice(count).join("\n")];
};
const kernel = (name: string): string => webgpu(named(name)).plan.kernels[0]!.wgsl;
const [, code] = split(kernel("tame"));

test.each([
  ["a new line", "a\nfn evil() {}\n"],
  ["a carriage return", "a\rfn evil() {}"],
  ["other ends of lines of WGSL", "a\vfn\ff\u0085g\u2028h\u2029i"],
  ["an open comment", "a /* b"],
  ["the end of a comment", "*/ fn evil() {}"],
  ["directions of text", "a\u202efn evil() {}\u202c"],
  ["a null", "a\0fn evil() {}"],
  ["half a character", "a\ud800fn"],
  ["a thousand letters", "a".repeat(1000)],
  ["nothing", ""],
])("%s", (_, name) => {
  const wgsl = kernel(name);
  const [comments, rest] = split(wgsl);
  expect(rest).toBe(code);
  expect(comments).toHaveLength(4);
  for (const line of comments) expect(line).toMatch(/^\/\/ [\x20-\x7e]{0,203}$/);
  expect(validateByNaga(wgsl)).toBeUndefined();
});

test("kernels that compute alike are one, whatever they are called", () => {
  const [one, other] = [named("one"), named("other")];
  const { plan } = webgpu({
    ...one,
    params: [...one.params, ...other.params],
    programs: [...one.programs, ...other.programs],
  });
  // One for an invocation alone, and one for those that work together.
  expect(plan.kernels.map(({ template }) => template)).toEqual(["linear.wide", "linear.tiled"]);
  const [comments] = split(plan.kernels[0]!.wgsl);
  expect(comments.at(-1)).toBe("// in one at one, and 1 more step");
});
