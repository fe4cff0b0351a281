// What a past costs: calls behind more rows take as many dispatches, and read more of nothing but keys and values and where
// their rows stand. On ONNX Runtime a program is one graph, whatever is behind it.
import { describe, expect, test } from "vitest";
import { programs, webgpu } from "../../compiler/index.ts";
import { spaceOf } from "../../runtime/webgpu/heap.ts";
import { layOut } from "../../runtime/webgpu/layout.ts";
import { placeWeights } from "../../runtime/webgpu/weights.ts";
import { smallExample, type SmallModel } from "../verify/examples.ts";

const names: readonly SmallModel[] = ["LlamaModel", "DualTower", "XFuse", "LMFusion", "DualTowerDiT"];
const limits = { binding: 128 * 2 ** 20, groups: 65_535, alignment: 256, work: Infinity };
const sizesOf = (past: number): ReadonlyMap<string, number> =>
  new Map(
    Object.entries({
      batch: 1,
      text: 1,
      image: 1,
      "image.patch": 64,
      "past.text": past,
      "past.image.patch": 2 * past,
    }),
  );

describe.each(names)("%s", (name) => {
  const { model, sources } = smallExample(name);
  const module = programs(model, sources);
  const { plan } = webgpu(module);
  const page = 256 * 2 ** 20;
  const resident = placeWeights(plan, { matrix: page, given: page });
  const phases = module.programs.filter(({ kind }) => kind === "decode" || kind === "denoise");

  test.each(phases.map((phase) => [phase.name, phase] as const))("%s", (_, phase) => {
    const program = plan.programs.find((each) => each.name === phase.name)!;
    const laid = (past: number) =>
      layOut(plan, program, sizesOf(past), resident, (_, bytes) => spaceOf(bytes, page), limits);
    const [few, many] = [laid(64), laid(1024)];
    const dispatches = ({ steps }: ReturnType<typeof laid>): number =>
      steps.reduce((sum, step) => sum + step.dispatches.length, 0);
    expect(dispatches(many)).toBe(dispatches(few));

    const more = new Map<string, number>();
    for (const [i, { origin }] of program.values.entries()) {
      const grown = many.values[i]!.extent.bytes - few.values[i]!.extent.bytes;
      if (grown !== 0) more.set(origin.is === "input" ? origin.port : `${origin.is} ${i}`, grown);
    }
    const quads = (width: number): number => 4 * Math.ceil(width / 4);
    const rows = (stream: string): number => (stream === "text" ? 960 : 1920);
    const wanted = new Map<string, number>();
    for (const { name: cache, stream, kvHeads, widths } of phase.reads)
      for (const what of ["k", "v"] as const)
        wanted.set(`${cache}.${what}`, 4 * rows(stream) * kvHeads * quads(widths[what]));
    expect(wanted.size).toBeGreaterThan(0);
    for (const [port, bytes] of wanted) expect(more.get(port), port).toBe(bytes);
    // Where past rows stand, as numbers that the host has made of their places and spans: a quad a row at most.
    const others = [...more].filter(([port]) => !wanted.has(port));
    for (const [port, bytes] of others) {
      expect(port).toMatch(/^(host \d+|past\..*\.(order|span))$/);
      expect(
        [960, 1920].some((count) => bytes <= 16 * count && bytes % count === 0),
        `${port}: ${bytes}`,
      ).toBe(true);
    }
    if (phase.kind !== "denoise" || name === "LlamaModel" || name === "LMFusion") return;
    // Of the language tower an image that is drawn needs nothing but what is kept.
    const read = new Set(
      program.steps.flatMap(({ operands }) => operands.map(({ value }) => program.values[value]!.origin)),
    );
    const weights = [...read].flatMap((origin) => (origin.is === "weight" ? [origin.weight] : []));
    expect(weights.length).toBeGreaterThan(10);
    expect(weights.filter((weight) => weight.startsWith("language"))).toEqual([]);
  });
});
