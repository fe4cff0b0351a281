// A step of training the small DualTower, gradient and update in ONNX Runtime, and the same model, batch and settings in
// PyTorch where TORCH_PYTHON names a Python that has it (bench/torch/dual_tower.py): steps are taken in turn, and both
// must come to the same losses. Time on the wall, and of all cores, which tells more where other work runs beside it; with
// two threads and with one, since threads wait for each other there. `TORCH_PYTHON=python3 npm run bench bench/train.test.ts`
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onnx, training } from "../compiler/index.ts";
import type { TrainingProgram } from "../compiler/ir/module.ts";
import { memorySource, openProgram, type Program, readSafetensors, safetensorsBytes } from "../runtime/index.ts";
import type { Tensor } from "../runtime/tensor.ts";
import { scalarsAt } from "../runtime/train/schedule.ts";
import { weightsOf } from "../test/phases/models.ts";
import { specify } from "../test/reference/run.ts";
import { givenOf } from "../test/train/run.ts";
import { sample } from "../test/train/samples.ts";
import { openTorch } from "./torch/process.ts";

const ROUNDS = 15;
const UNCOUNTED = 3;
const BATCH = 8;
const TEXT = 32;
const RATE = 1e-3;
const DECAY = 0.1;
const SETTINGS = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, limit: 1, average: 0.999 };

const specified = specify(
  readFileSync(new URL("../examples/xfusion/xfusion.graft", import.meta.url), "utf8"),
  "DualTower",
);
const { model, sources } = specified;
const weight = weightsOf(specified);
const module = training(model, sources);
const gradient = module.programs.find(({ name }) => name === "gradient(text then image)")!;
const update = module.programs.find(({ kind }) => kind === "update")!;
const documents = Array.from({ length: BATCH }, (_, i) => sample(model, `${"t".repeat(TEXT)}[`, i + 1));

const f32 = (shape: readonly number[], data: ArrayLike<number>): Tensor => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(data),
});

/** Each weight with what the update keeps of it, and a step that changes both. */
const openTrainer = async (
  folder: string,
  threads: number,
): Promise<{
  readonly batch: Readonly<Record<string, Tensor>>;
  readonly step: (count: number) => Promise<{ readonly loss: number; readonly norm: number; readonly ms: number[] }>;
  readonly close: () => Promise<void>;
}> => {
  const bytes = safetensorsBytes(
    module.params.map(({ name, type }) => ({
      name,
      dtype: "F32",
      shape: type.shape.map(Number),
      data: weight(name),
    })),
  );
  writeFileSync(join(folder, "weights.safetensors"), bytes);
  const frozen = await readSafetensors(memorySource("weights", bytes));
  const opened = async (program: TrainingProgram): Promise<Program> => {
    const place = ({ name }: { readonly name: string }) => {
      const { offset, length } = frozen.tensors.get(name)!;
      return { location: "weights.safetensors", offset, length, dtype: "f32" as const };
    };
    const made = onnx(module, program, { profile: "ort-cpu", place, constants: `${program.kind}.bin` });
    writeFileSync(join(folder, `${program.kind}.onnx`), made.model);
    writeFileSync(join(folder, `${program.kind}.bin`), made.constants);
    return openProgram(program.name, join(folder, `${program.kind}.onnx`), { threads });
  };
  const [toGradient, toUpdate] = [await opened(gradient), await opened(update)];

  const { inputs } = givenOf(specified, gradient, weight, documents);
  const types = new Map(gradient.inputs.map(({ name, type }) => [name, type.dtype]));
  const given = Object.entries(inputs).map(([name, { shape, data }]): [string, Tensor] => [
    name,
    types.get(name) === "i32" ? { dtype: "i32", shape, data: Int32Array.from(data) } : f32(shape, data),
  ]);
  const batch = Object.fromEntries(given.filter(([name]) => !/^(weight|gradient)\//.test(name)));
  const zeros = Object.fromEntries(given.filter(([name]) => name.startsWith("gradient/")));
  const { trained } = module;
  const empty = trained.map(
    ({ name, type }) =>
      [
        name,
        f32(
          type.shape.map(Number),
          weight(name).map(() => 0),
        ),
      ] as const,
  );
  let state: Record<string, Tensor> = Object.fromEntries(
    empty.flatMap(([name, zero]) => [
      [`weight/${name}`, f32(zero.shape, weight(name))],
      [`average/${name}`, f32(zero.shape, weight(name))],
      [`moment1/${name}`, zero],
      [`moment2/${name}`, zero],
    ]),
  );
  const rate = f32(
    [trained.length],
    trained.map(() => RATE),
  );
  const decay = f32(
    [trained.length],
    trained.map(({ type }) => (type.shape.length > 1 ? DECAY : 0)),
  );
  const without = (tensors: Readonly<Record<string, Tensor>>, except: readonly string[]): [string, Tensor][] =>
    Object.entries(tensors).flatMap(([name, tensor]) =>
      except.includes(name) ? [] : [[name.replace("new.", ""), tensor]],
    );
  return {
    batch,
    step: async (count) => {
      const begun = performance.now();
      const weights = gradient.inputs.flatMap(({ name }) => (name.startsWith("weight/") ? [[name, state[name]!]] : []));
      const found = await toGradient.run({ ...batch, ...zeros, ...Object.fromEntries(weights) });
      const between = performance.now();
      const scalars = Object.entries(scalarsAt(count, SETTINGS)).map(([name, value]) => [name, f32([], [value])]);
      const sums = without(found, ["loss", "loss.text", "loss.image"]);
      const after = await toUpdate.run({ rate, decay, ...Object.fromEntries([...scalars, ...sums]), ...state });
      state = Object.fromEntries(without(after, ["norm"]));
      const [loss, norm] = [found["loss"]!, after["norm"]!].map(({ data }) => Number(data[0])) as [number, number];
      return { loss, norm, ms: [between - begun, performance.now() - between] };
    },
    close: async () => {
      await toGradient.close();
      await toUpdate.close();
    },
  };
};

const base64 = ({ dtype, shape, data }: Tensor): object => ({
  dtype,
  shape,
  data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
});
/** The same weights, batch and settings, which the process keeps. */
const beginning = (batch: Readonly<Record<string, Tensor>>, threads: number): object => ({
  weights: Object.fromEntries(
    [...module.params, ...module.trained].map(({ name, type }) => [
      name,
      base64(f32(type.shape.map(Number), weight(name))),
    ]),
  ),
  trained: module.trained.map(({ name }) => name),
  batch: Object.fromEntries(Object.entries(batch).map(([name, tensor]) => [name, base64(tensor)])),
  settings: { ...SETTINGS, rate: RATE, decay: DECAY, threads },
});

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
/** What each step took, on the wall and of all cores. */
interface Times {
  readonly ms: number[];
  readonly cpu: number[];
}
const figure = ({ ms, cpu }: Times): string =>
  `${median(ms).toFixed(1)} ms a step (${median(cpu).toFixed(1)} of all cores), ${(1000 / median(ms)).toFixed(1)} steps per second`;
const ratio = (a: readonly number[], b: readonly number[]): string => median(a.map((x, i) => x / b[i]!)).toFixed(2);

test.each([2, 1])("a step of training the small DualTower, %i threads", async (threads) => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-bench-"));
  const trainer = await openTrainer(folder, threads);
  const python = process.env["TORCH_PYTHON"];
  const torch = python === undefined ? undefined : openTorch(python, "dual_tower.py");
  try {
    const { torch: version, ways = [] } = ((await torch?.ask(beginning(trainer.batch, threads))) ?? {}) as {
      torch?: string;
      ways?: string[];
    };
    const ours = { ms: [], cpu: [], gradient: [], update: [] } as Times & Record<"gradient" | "update", number[]>;
    const theirs = new Map(ways.map((way): [string, Times] => [way, { ms: [], cpu: [] }]));
    for (let round = 0; round < UNCOUNTED + ROUNDS; round++) {
      const costs: number[] = [];
      const own = async (): Promise<void> => {
        const worked = process.cpuUsage();
        const { loss, norm, ms } = await trainer.step(round + 1);
        const { user, system } = process.cpuUsage(worked);
        costs.push(loss, norm);
        if (round < UNCOUNTED) return;
        ours.gradient.push(ms[0]!);
        ours.update.push(ms[1]!);
        ours.ms.push(ms[0]! + ms[1]!);
        ours.cpu.push((user + system) / 1000);
      };
      const other = (way: string) => async (): Promise<void> => {
        const { loss, norm, ms, cpu } = (await torch!.ask({ step: way })) as Record<
          "loss" | "norm" | "ms" | "cpu",
          number
        >;
        costs.push(loss, norm);
        if (round < UNCOUNTED) return;
        theirs.get(way)!.ms.push(ms);
        theirs.get(way)!.cpu.push(cpu);
      };
      const turns = [own, ...ways.map(other)];
      // Each begins as often as the others.
      for (let i = 0; i < turns.length; i++) await turns[(round + i) % turns.length]!();
      for (let i = 2; i < costs.length; i++)
        expect(Math.abs(costs[i]! / costs[i % 2]! - 1), `round ${round}`).toBeLessThan(1e-3);
    }
    console.log(
      `batch ${BATCH} of ${TEXT} tokens, then an image; ${threads} threads; medians of ${ROUNDS}; load ${loadavg()[0]!.toFixed(1)}`,
    );
    const parts = `gradient ${median(ours.gradient).toFixed(1)}, update ${median(ours.update).toFixed(1)}`;
    console.log(`ours: ${figure(ours)}; ${parts}`);
    for (const [way, times] of theirs) {
      const compared = `${ratio(times.ms, ours.ms)} times what ours takes (${ratio(times.cpu, ours.cpu)} of all cores)`;
      console.log(`PyTorch ${version}, ${way} rows: ${figure(times)}; ${compared}`);
    }
    if (torch === undefined) console.log("not compared with PyTorch: TORCH_PYTHON does not name a Python that has it");
  } finally {
    torch?.close();
    await trainer.close();
    rmSync(folder, { recursive: true });
  }
});
