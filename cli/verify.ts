// `graftwerk verify`: the named model, or every model of the file, against the f64 oracle.
import { count } from "../grammar/count.ts";
import type { Adapter } from "../runtime/webgpu/adapter.ts";
import type { Exit, Io, Run } from "./command.ts";
import { choose, seedOf } from "./values.ts";
import { modelOf, readSpecification } from "./specification.ts";
import type { Target } from "./verify/graphs.ts";
import type { Check, Layer, Verification } from "./verify/result.ts";
import { verify } from "./verify/verify.ts";

export const run: Run = async (call, io) => {
  const checked = await readSpecification(call.operand);
  const asked = call.value("model");
  const names = asked === undefined && checked.models.length > 0 ? checked.models : [asked];
  const models = names.map((name) => modelOf(checked, name));
  const seed = seedOf(call);
  const targets = new Set(call.values("target").map((target) => choose("target", target, TARGETS)));
  const profiles = targets.size === 0 ? PROFILES.onnx : [...targets].flatMap((target) => PROFILES[target]);
  const adapter = targets.has("webgpu") ? await openGpu(io) : undefined;
  const found: Verification[] = [];
  try {
    for (const [i, model] of models.entries()) {
      io.over?.(`verifying ${model.name}${models.length > 1 ? `, ${i + 1} of ${models.length}` : ""}`);
      const result = await verify(model, checked.sources, {
        profiles,
        ...(seed !== undefined && { seed }),
        ...(adapter && { adapter: async () => adapter }),
      });
      io.over?.("");
      if (models.length > 1) io.note(`${result.model}: ${result.verdict}`);
      found.push(result);
    }
  } finally {
    adapter?.close();
  }
  const exit: Exit = found.some(({ verdict }) => verdict === "failed") ? 4 : 0;
  return {
    exit,
    json: { schema: "graftwerk/verify@1", ok: exit === 0, models: found },
    text: found.map(textOf).join(""),
  };
};

const TARGETS = ["onnx", "webgpu"] as const;
const PROFILES = { onnx: ["ort-cpu", "portable"], webgpu: ["webgpu"] } as const satisfies Record<
  string,
  readonly Target[]
>;

/** The GPU that kernels are judged on. @throws Failure "package" or "device" where there is none */
const openGpu = async (io: Io): Promise<Adapter> => {
  const { nameOf, openAdapter } = await import("../runtime/webgpu/adapter.ts");
  const adapter = await openAdapter();
  io.note(`on ${nameOf(adapter.info)}`);
  return adapter;
};

const most = (numbers: readonly number[]): string =>
  numbers.length === 0 ? "none" : Math.max(...numbers).toExponential(1);

const textOf = (found: Verification): string => {
  const { model, verdict, parameters, seed, limit, dull, checks, batches, divergence } = found;
  if (verdict === "skipped")
    return `${model}: skipped: ${count(parameters)} parameters are too many to verify unasked\n`;
  const all: readonly Check[] = [...checks, ...batches];
  const wrong = all.filter(({ ok }) => !ok);
  const lines = [
    `${model}: ${verdict}, ${all.length} outputs from seed ${seed}; ` +
      `error (NMSE) at most ${most(all.map(({ nmse }) => nmse))}, allowed ${limit.toExponential(0)}`,
    ...dull.map((what) => `  ${what}`),
    ...wrong
      .slice(0, 8)
      .map(
        ({ program, output, profile, optimize, case: name, nmse, error }) =>
          `  wrong: ${output} of ${program}, ${name} (${profile}, ${optimize}): ${error ?? `NMSE ${nmse.toExponential(1)}`}`,
      ),
    ...(wrong.length > 8 ? [`  and ${wrong.length - 8} more`] : []),
    ...(divergence === undefined ? [] : [`  the first layer that differs: ${layerName(divergence)}`]),
  ];
  return `${lines.join("\n")}\n`;
};

const layerName = (layer: Layer | "heads"): string =>
  layer === "heads" ? "none; the heads do" : `${layer.step}, rows of ${layer.kind} (${layer.towers.join(", ")})`;
