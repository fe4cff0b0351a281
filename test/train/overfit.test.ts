// Every small model learns eight samples by heart in 200 steps: that gradients, update and targets belong together. Four
// samples are pictures to draw behind a text, each always with the same noise and time, for other noise asks for more than
// memory; four are given pictures with one letter behind them that only the picture tells. A language model that is
// drawn by chance cannot be sure of any letter, so its last norm is made louder, as that of one that was trained is.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memorySource, readSafetensors } from "../../runtime/index.ts";
import { normals } from "../../runtime/random.ts";
import type { Sample } from "../../runtime/train/sample.ts";
import { compiledToTrain } from "./compiled.ts";

const LOSS = 0.02;
const MOST_MS = 60_000;
const samples = Array.from({ length: 8 }, (_, i): Sample => {
  const grid = normals(i, "grid", 48, 1);
  if (i % 2 === 1) return { parts: [{ grid }, { text: "?", learn: false }, "abcdefgh"[i]!] };
  const noise = normals(i, "noise", 48, 1);
  return {
    parts: [
      { text: `draw ${i}`, learn: false },
      { grid, drawn: { t: 0.1 + 0.1 * i, noise } },
    ],
  };
});

const louder = async (folder: string, name: string): Promise<void> => {
  const path = join(folder, "weights.safetensors");
  const bytes = readFileSync(path);
  const { offset, length } = (await readSafetensors(memorySource(path, bytes))).tensors.get(name)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, length);
  for (let at = 0; at < length; at += 4) view.setFloat32(at, 2 * view.getFloat32(at, true), true);
  writeFileSync(path, bytes);
};

test.each(["SingleTower", "GatedLayer", "DualProjection", "DualTower", "XFuse", "LMFusion"])(
  "%s",
  { timeout: 2 * MOST_MS },
  async (name) => {
    const compiled = await compiledToTrain(name);
    await louder(compiled.folder, "language.norm");
    const session = await compiled.open();
    try {
      const began = performance.now();
      const losses: number[] = [];
      for await (const event of session.train({ samples, steps: 200, rate: 5e-3, warmup: 10 }))
        if (event.is === "step") losses.push(event.loss);
      expect(losses.length).toBe(200);
      expect(losses[0]!).toBeGreaterThan(1);
      expect(losses.at(-1)!).toBeLessThan(LOSS);
      expect(performance.now() - began).toBeLessThan(MOST_MS);
    } finally {
      await session.close();
      compiled.remove();
    }
  },
);
