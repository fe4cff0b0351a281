// What models cost: goldens of which rows each program computes in each layer, and FLOPs held against closed formulas.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { inspect } from "../../compiler/inspect/index.ts";
import { inspectionText } from "../../compiler/inspect/print.ts";
import type { Model } from "../../compiler/analyze/model.ts";
import { show } from "../../compiler/ir/dim.ts";
import { toposort } from "../../compiler/ir/node.ts";
import { lower } from "../../compiler/lower/index.ts";
import { specify } from "../reference/run.ts";

const text = (file: string): string =>
  readFileSync(new URL(`../../examples/${file}/${file}.graft`, import.meta.url), "utf8");
const modelOf = (file: string, name: string): Model => specify(text(file), name).model;
const small = [
  ["llama", "LlamaModel"],
  ["xfusion", "SingleTower"],
  ["xfusion", "GatedLayer"],
  ["xfusion", "DualProjection"],
  ["xfusion", "DualTower"],
  ["xfusion", "XFuse"],
  ["xfusion", "DualTowerDiT"],
  ["lmfusion", "LMFusion"],
] as const;

test.each(small)("%s: %s", async (file, name) => {
  await expect(inspectionText(inspect(modelOf(file, name)))).toMatchFileSnapshot(`golden/${name}.txt`);
});

/** A polynomial's value; a name without one is 0. */
const value = (polynomial: string, names: Readonly<Record<string, number>>): number =>
  polynomial
    .split("+")
    .reduce(
      (sum, term) =>
        sum +
        term.split("*").reduce((n, factor) => n * (/^\d+$/.test(factor) ? Number(factor) : (names[factor] ?? 0)), 1),
      0,
    );

describe("FLOPs equal closed formulas", () => {
  // Small towers: width 64, 4 heads and 2 key heads of 16, MLP 160, 3 layers.
  const [D, Q, KV, M, L] = [64, 64, 32, 160, 3];
  const kv = 2 * 2 * D * KV;
  const rest = 2 * (D * Q + Q * D + 3 * D * M);
  const pair = 2 * 4 * (16 + 16);
  const ends = { patch: 2 * 48 * D, time: 2 * (256 * D + D * D), leave: 2 * D * 48, logits: 2 * D * 258 };
  const names = {
    batch: 1,
    text: 11,
    "image.patch": 64,
    image: 1,
    "pairs.text.text": 61,
    "pairs.text.image.patch": 320,
    "pairs.image.patch.text": 640,
    "pairs.image.patch.image.patch": 4096,
  };
  const [T, P] = [names.text, names["image.patch"]];
  const own = names["pairs.text.text"] + names["pairs.text.image.patch"];
  const seen = names["pairs.image.patch.text"] + names["pairs.image.patch.image.patch"];

  test("the dual tower: each tower alone on its rows, and keys and values of the other's, exactly", () => {
    const { pruned, heads } = inspect(modelOf("xfusion", "DualTower")).programs["forward(text, image)"]!.flops;
    const alone = L * (T * (kv + rest) + P * (kv + rest) + pair * (own + seen)) + P * ends.patch + ends.time;
    const foreign = L * kv * (P + T);
    expect(value(pruned, names)).toBe(alone + foreign);
    expect(value(pruned, names)).toBeLessThanOrEqual(1.05 * alone + foreign);
    expect(value(heads, names)).toBe(T * ends.logits + P * ends.leave);
  });
  test("LMFusion: nothing twice", () => {
    const { pruned } = inspect(modelOf("lmfusion", "LMFusion")).programs["forward(text, image)"]!.flops;
    expect(value(pruned, names)).toBe(L * ((T + P) * (kv + rest) + pair * (own + seen)) + P * ends.patch + ends.time);
  });
  test("a drawing runs no language block, and reading ends with keys and values", () => {
    const { programs } = inspect(modelOf("xfusion", "DualTower"));
    const past = { ...names, "pairs.image.patch.past.text": 640, "pairs.image.patch.past.image.patch": 128 };
    const drawing = L * (P * (kv + rest) + pair * (4096 + 640 + 128)) + P * ends.patch + ends.time;
    expect(value(programs["denoise(image)"]!.flops.pruned, past)).toBe(drawing);
    const reading =
      P * ((L - 1) * rest + 2 * L * kv) + (L - 1) * pair * (4096 + 640 + 128) + P * ends.patch + ends.time;
    expect(value(programs["read(image)"]!.flops.pruned, past)).toBe(reading);
    expect(Object.keys(programs["denoise(image)"]!.rows).filter((path) => path.startsWith("language."))).toEqual([]);
  });
});

describe.each(small)("%s: %s, program by program", (file, name) => {
  const { programs } = lower(modelOf(file, name));
  test("nothing that is given is as long as the past", () => {
    for (const { name: program, outputs } of programs)
      for (const { name: output, node } of outputs)
        expect(
          node.type.shape.filter((dim) => show(dim).includes("past.")),
          `${program} ${output}`,
        ).toEqual([]);
  });
  test("no row meets a matrix twice; only a drawing computes rows that are there again", () => {
    for (const program of programs) {
      const met = toposort(program.outputs.map((output) => output.node)).flatMap((node) => {
        const weight = node.op === "linear" ? node.src[1]! : undefined;
        return weight?.op === "param" ? [`${weight.attrs.name} on ${show(node.src[0]!.type.shape[0]!)}`] : [];
      });
      expect(met.filter((each, i) => met.indexOf(each) !== i)).toEqual([]);
      if (program.kind !== "denoise") expect(program.again).toEqual([]);
    }
  });
});

test("what must not be cached is refused, with the term of the mask", () => {
  const refused = (mask: string): string => {
    const changed = text("xfusion").replaceAll("mask = causal or within(image.patch)", `mask = ${mask}`);
    return inspect(specify(changed, "DualTower").model)
      .refused.map(({ because }) => because)
      .join();
  };
  expect(refused("all")).toBe("all");
  expect(refused("causal or (query is text and key is image.patch)")).toContain("query is text");
  expect(refused("causal or within(image)")).toBe("");
});
