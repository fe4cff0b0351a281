// The two judges of shaders can say yes and no, and say where.
import { describe, expect, test } from "vitest";
import { gpu } from "./gpu.ts";
import { validateByNaga, validateByTint } from "./wgsl.ts";

const shader = (body: string): string => `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3u, @builtin(local_invocation_index) own: u32) {
  ${body}
}`;

const right = { plain: shader("x[at.x] = x[at.x] * 2.0;"), guarded: shader("if (own == 0u) { x[0] = f32(at.y); }") };
/** The mistake, and the line in which it is. */
const wrong = {
  "an unknown name": shader("x[at.x] = y;"),
  "an unlike type": shader("x[at.x] = 1u;"),
  "a missing bracket": shader("x[at.x = 1.0;"),
  "a write to what is read only": shader("x[at.x] = 1.0;").replace("read_write", "read"),
  "a barrier that not all reach": shader(
    "if (own == 0u) { workgroupBarrier(); }\n  if (x[0] > 0.0) { workgroupBarrier(); }",
  ),
};

describe("Naga", () => {
  test.each(Object.entries(right))("takes a shader: %s", (_, code) => expect(validateByNaga(code)).toBeUndefined());
  test.each(Object.entries(wrong).slice(0, 4))("refuses %s", (_, code) =>
    expect(validateByNaga(code)).toMatch(/wgsl:\d+:\d+/),
  );
});

describe("Tint", () => {
  test.each(Object.entries(right))("takes a shader: %s", async (_, code) =>
    expect(await validateByTint((await gpu()).device, code)).toBeUndefined(),
  );
  test.each(Object.entries(wrong))("refuses %s", async (_, code) =>
    expect(await validateByTint((await gpu()).device, code)).toMatch(/^error at \d+:\d+: /),
  );
});
