// Draws between calls that never were: what ends a run of tokens, and what of it is given.
import { expect, test } from "vitest";
import { Decoder, type Link } from "../../runtime/webgpu/decoder.ts";
import { Heap } from "../../runtime/webgpu/heap.ts";
import { extentOf } from "../../runtime/webgpu/sizes.ts";
import { gpu } from "./gpu.ts";

test("a draw that fails ends the tokens of all documents before it, and is told when it is the first", async () => {
  const adapter = await gpu();
  const { device } = adapter;
  const state = new Heap(device, "state", 1 << 16);
  state.takeOver(state.pagesFor(1024));
  const extent = extentOf({ shape: [3, 1, 6], stored: "f32" }, new Map());
  const logits = { address: 256, extent };
  const link: Link = { logits, batch: 3, count: 6, values: [], words: new Int32Array(0), calls: 3 };
  const decoding = { sampling: { temperature: 0 }, most: 3, drawers: [] };
  const decoder = await Decoder.open(adapter, "", link, decoding);
  const drawers = [
    { seed: 1, ids: [], allowed: [[0, 5]] as const },
    undefined,
    { seed: 1, ids: [], allowed: [[0, 6]] as const },
  ];
  /** Draws from logits of which document `d` has its largest at `tops[d]`, and the last document a NaN at a step. */
  const run = (tops: readonly (readonly number[])[], wrong: number) => {
    decoder.begin(drawers, link);
    for (const [step, top] of tops.entries()) {
      const numbers = new Float32Array(3 * (extent.rowBytes / 4));
      for (const [d, at] of top.entries()) numbers[(d * extent.rowBytes) / 4 + at] = 1;
      if (step === wrong) numbers[(2 * extent.rowBytes) / 4] = NaN;
      state.write(256, new Uint8Array(numbers.buffer));
      const encoder = device.createCommandEncoder();
      decoder.draw(encoder, link, state, drawers, step);
      device.queue.submit([encoder.finish()]);
    }
    return decoder.read(drawers, tops.length);
  };
  const tops = [
    [1, 0, 5],
    [5, 1, 4],
    [2, 2, 3],
  ];
  // What a document may not draw is not the largest of its own.
  expect(await run(tops, -1)).toEqual([[1, 0, 2], [], [5, 4, 3]]);
  expect(await run(tops, 2)).toEqual([[1, 0], [], [5, 4]]);
  expect(await run(tops, 1)).toEqual([[1], [], [5]]);
  await expect(run(tops, 0)).rejects.toThrow(/a logit is NaN/);
  expect(await run(tops.slice(0, 1), -1)).toEqual([[1], [], [5]]);
  decoder.destroy();
  state.destroy();
});
