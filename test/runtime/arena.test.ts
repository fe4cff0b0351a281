// Where values lie while a program runs: none over another that is needed with it, and little more than is needed at one
// time; and how many steps a layer takes.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check, type Model, programs, webgpu } from "../../compiler/index.ts";
import type { PlanProgram, PlanValue, Step } from "../../runtime/plan.ts";
import { arenaOf } from "../../runtime/webgpu/arena.ts";
import { spaceOf } from "../../runtime/webgpu/heap.ts";
import { layOut } from "../../runtime/webgpu/layout.ts";
import { placeWeights } from "../../runtime/webgpu/weights.ts";

const NONE = new Map<string, number>();

describe("values of random lives", () => {
  const draw = (seed: number): PlanProgram => {
    let state = seed * 2654435761 + 1;
    const below = (n: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    const count = 3 + below(60);
    const values = Array.from({ length: count }, (): PlanValue => ({
      origin: { is: "computed" },
      heap: "state",
      stored: "f32",
      shape: [1 + below(40), 4 * (1 + below(30))],
    }));
    const operand = (value: number, writes: boolean) => ({ value, writes, reach: { is: "all" as const } });
    // Each value is written by a step of its own that reads some of those before it.
    const steps = values.map((_, i): Step => ({
      name: `step ${i}`,
      at: "",
      kernel: 0,
      grid: [1, 1, 1],
      operands: [
        operand(i, true),
        ...[...new Set(Array.from({ length: Math.min(i, below(4)) }, () => below(i)))].map((of) => operand(of, false)),
      ],
      parameters: [],
      work: 1,
    }));
    const outputs = [{ name: "y", shape: [], value: count - 1 }];
    return { name: "drawn", inputs: [], host: [], values, steps, outputs };
  };

  test("no step reads what it writes over", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { values, steps, ...rest } = draw(seed);
      const { offsets, bytes, live } = arenaOf({ values, steps, ...rest }, NONE);
      const rangeOf = (i: number): readonly [number, number] => {
        const [rows, width] = values[i]!.shape as [number, number];
        return [offsets[i]!, offsets[i]! + rows * width * 4];
      };
      const last = values.map((_, i) => steps.findLastIndex(({ operands }) => operands.some((o) => o.value === i)));
      last[values.length - 1] = steps.length;
      let [most, sum] = [0, 0];
      for (const [s] of steps.entries()) {
        const needed = values.flatMap((_, i) => (i <= s && s <= last[i]! ? [rangeOf(i)] : []));
        needed.sort(([a], [b]) => a - b);
        for (const [i, [from]] of needed.entries())
          if (i > 0 && from < needed[i - 1]![1]) throw new Error(`seed ${seed}, step ${s}: one lies over another`);
        most = Math.max(most, ...needed.map(([, to]) => to));
        sum = Math.max(
          sum,
          needed.reduce((all, [from, to]) => all + to - from, 0),
        );
      }
      // Places are multiples of 64.
      expect(Math.ceil(most / 64) * 64).toBe(bytes);
      expect(sum).toBeLessThanOrEqual(live);
      expect(live).toBeLessThanOrEqual(bytes);
    }
  });
});

const read = (path: string): string | undefined => {
  try {
    return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  } catch {
    return undefined;
  }
};
const planOf = (file: string, name: string, change = (text: string): string => text) => {
  const checked = check(`examples/${file}/${file}.graft`, (path) => {
    const text = read(path);
    return text && change(text);
  });
  const model: Model = checked.model(name)!;
  return webgpu(programs(model, checked.sources)).plan;
};

/** Batch, text, images, patches, and what is past of both. */
const CALLS = [
  [1, 1, 1, 256, 64, 256],
  [1, 16, 1, 256, 64, 256],
  [1, 512, 1, 256, 1024, 256],
  [2, 100, 2, 512, 300, 768],
  [4, 33, 1, 256, 77, 256],
] as const;
const sizesOf = ([batch, text, image, patch, pastText, pastPatch]: (typeof CALLS)[number]) =>
  new Map(
    Object.entries({ batch, text, image, "image.patch": patch, "past.text": pastText, "past.image.patch": pastPatch }),
  );

describe("a dual tower of 1B", () => {
  const plan = planOf("xfusion", "DualTower1B");
  const programs = plan.programs.flatMap((program) => CALLS.map((call) => ({ name: program.name, program, call })));

  test.each(programs)("$name of $call: at most a tenth more than is needed at one time", ({ program, call }) => {
    const { bytes, live } = arenaOf(program, sizesOf(call));
    expect(live).toBeGreaterThan(0);
    expect(bytes / live).toBeLessThanOrEqual(1.1);
  });

  test("a browser's limits suffice, in few dispatches, none of which takes a slow GPU long", () => {
    const page = 256 << 20;
    const resident = placeWeights(plan, { matrix: page, given: page });
    const work = 5e9;
    const limits = { binding: 128 << 20, groups: 65535, alignment: 256, work };
    for (const program of plan.programs) {
      const sizes = sizesOf(CALLS[2]);
      const laid = layOut(plan, program, sizes, resident, (_, bytes) => spaceOf(bytes, page), limits);
      const dispatches = laid.steps.reduce((sum, step) => sum + step.dispatches.length, 0);
      expect(dispatches).toBeLessThan(4 * program.steps.length);
    }
  });
});

describe("steps of a layer at decode", () => {
  const layers =
    (n: number) =>
    (text: string): string =>
      text.replace(/Llama\(L: 3/g, `Llama(L: ${n}`).replace(/DiT\(L: 5/g, `DiT(L: ${n + 2}`);
  const decode = (file: string, name: string, n: number): number =>
    planOf(file, name, layers(n)).programs.find((program) => program.name.startsWith("decode"))!.steps.length;

  test.each([
    ["llama", "LlamaModel", 6],
    ["xfusion", "DualTower", 10],
    ["xfusion", "XFuse", 10],
    ["xfusion", "DualTowerDiT", 10],
    ["lmfusion", "LMFusion", 10],
  ] as const)("%s %s: at most %i", (file, name, most) => {
    const [few, many] = [decode(file, name, 3), decode(file, name, 7)];
    const each = (many - few) / 4;
    expect(each).toBeGreaterThan(2);
    expect(each).toBeLessThanOrEqual(most);
  });
});
