// A hundred steps of the program `update`, in f32 by ONNX Runtime, against torch.optim.AdamW, clip_grad_norm_ and
// AveragedModel in f64 (make_adamw.py).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onnx, training } from "../../compiler/index.ts";
import { openProgram, type Tensor } from "../../runtime/index.ts";
import { rateAt, type Schedule, scalarsAt, type StepSettings } from "../../runtime/train/schedule.ts";
import { nmse } from "../onnx/session.ts";
import { readAll, specify } from "./run.ts";

const folder = new URL("adamw/", import.meta.url).pathname;
const { kept, decay, schedule, step: settings } = JSON.parse(readFileSync(`${folder}settings.json`, "utf8")) as {
  readonly kept: readonly number[];
  readonly decay: Readonly<Record<string, number>>;
  readonly schedule: Schedule;
  readonly step: StepSettings & { readonly limit: number };
};
const STEPS = 100;
const KINDS = ["weight", "moment1", "moment2", "average"] as const;

/** A matrix, a vector and a scalar to train; what the model is makes no difference to its update. */
const { model, sources } = specify(
  `contract Any { layers: ([D]) -> [D] }
   block Twice(D) { forward(x: [D]) -> [D] { x + x } }
   tower Twices(D) { layers: Twice(D) * 1 }
   model Three(any: Any = Twices(D: 6)) {
     modality text = tokens(vocab: 8)
     weight matrix: [8, 6] = normal(0.1)
     weight vector: [6] = zeros
     weight scalar = 1
     train matrix, vector, scalar
     embed text(id) = matrix[id]
     layers only l in any.layers { h = l(h) }
     mask = causal
     position = running
     head text = next_token(linear(scalar * h + vector, matrix))
     loss = text
   }`,
  "Three",
);

const f32 = (shape: readonly number[], data: ArrayLike<number>): Tensor => ({ dtype: "f32", shape, data: Float32Array.from(data) });

test("a hundred steps", async () => {
  const vectors = await readAll(`${folder}vectors.safetensors`);
  const module = training(model, sources);
  const names = module.trained.map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.keys(decay).toSorted());
  const update = module.programs.find(({ kind }) => kind === "update")!;
  const { model: graph, constants } = onnx(module, update, { profile: "ort-cpu", constants: "constants.bin", place: () => undefined });
  const files = mkdtempSync(join(tmpdir(), "graftwerk-"));
  try {
    writeFileSync(join(files, "update.onnx"), graph);
    writeFileSync(join(files, "constants.bin"), constants);
    const program = await openProgram("update", join(files, "update.onnx"), { threads: 1 });
    const state = new Map<string, Tensor>();
    for (const name of names) {
      const { shape, data } = vectors.get(`start.${name}`)!;
      for (const kind of KINDS) state.set(`${kind}/${name}`, f32(shape, kind.startsWith("moment") ? data.map(() => 0) : data));
    }
    const each = (of: (name: string) => number): Tensor => f32([names.length], names.map(of));
    let limited = 0;
    for (let step = 1; step <= STEPS; step++) {
      const scalars = Object.entries(scalarsAt(step, settings)).map(([name, value]) => [name, f32([], [value])] as const);
      const gradients = names.map((name) => {
        const { shape, data } = vectors.get(`start.${name}`)!;
        return [`gradient/${name}`, f32(shape, vectors.get(`gradient.${name}`)!.data.subarray((step - 1) * data.length, step * data.length))] as const;
      });
      const results = await program.run({
        rate: each(() => rateAt(step, schedule)),
        decay: each((name) => decay[name]!),
        ...Object.fromEntries([...scalars, ...gradients, ...state]),
      });
      const norm = vectors.get("norm")!.data[step - 1]!;
      limited += Number(norm > settings.limit);
      expect(Math.abs(results["norm"]!.data[0] as number / norm - 1), `norm at step ${step}`).toBeLessThan(1e-6);
      for (const key of state.keys()) state.set(key, results[`new.${key}`]!);
      if (!kept.includes(step)) continue;
      for (const name of names)
        for (const kind of KINDS) {
          const { shape, data } = vectors.get(`${step}.${kind}.${name}`)!;
          const found = { shape, data: Float64Array.from(state.get(`${kind}/${name}`)!.data as Float32Array) };
          expect(nmse(found, { shape, data: Float64Array.from(data) }), `${kind} of ${name} after ${step}`).toBeLessThan(1e-8);
        }
    }
    await program.close();
    expect(limited).toBeGreaterThan(30);
    expect(limited).toBeLessThan(70);
  } finally {
    rmSync(files, { recursive: true });
  }
});
