// Every kernel of every small model, in all of its programs: taken by Naga and by Tint, and of the form that is safe
// without help of the implementation.
import { describe, expect, test } from "vitest";
import { programs, webgpu } from "../../compiler/index.ts";
import type { ModelModule } from "../../compiler/ir/module.ts";
import { smallExample, smallModels } from "../verify/examples.ts";
import { gpu } from "./gpu.ts";
import { validateByNaga, validateByTint } from "./wgsl.ts";

/** Without what is only for people. */
const bare = (wgsl: string): string => wgsl.replace(/^\s*\/\/.*\n/gm, "");
/** Models have kernels in common. */
const judged = new Set<string>();
const fresh = (module: ModelModule, stored: "f32" | "f16" | "bf16"): readonly string[] =>
  webgpu(module, { stored: () => stored })
    .plan.kernels.map(({ wgsl }) => wgsl)
    .filter((wgsl) => !judged.has(bare(wgsl)) && judged.add(bare(wgsl)));

describe.each(smallModels)("%s", (name) => {
  const { model, sources } = smallExample(name);
  const module = programs(model, sources);

  test("kernels of all programs", async () => {
    expect(module.programs.map(({ kind }) => kind)).toContain("decode");
    const { device } = await gpu();
    for (const wgsl of fresh(module, "f32")) {
      expect(validateByNaga(wgsl), wgsl).toBeUndefined();
      expect(await validateByTint(device, wgsl), wgsl).toBeUndefined();
      // All invocations reach the end, so barriers are uniform; nothing is switched off that would say otherwise.
      expect(bare(wgsl.slice(wgsl.indexOf("fn main")))).not.toMatch(/\b(return|discard)\b/);
      expect(bare(wgsl).replace(/^enable subgroups;\n/, "")).not.toMatch(/\b(diagnostic|enable|requires)\b/);
    }
  });

  test.each(["f16", "bf16"] as const)("with weights stored as %s", (stored) => {
    for (const wgsl of fresh(module, stored)) expect(validateByNaga(wgsl), wgsl).toBeUndefined();
  });
});
