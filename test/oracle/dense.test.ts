// The product that carries the oracle's speed: right for every remainder, and fast enough to judge real widths.
import { expect, test } from "vitest";
import { matvec } from "../../compiler/oracle/dense.ts";
import { noise, parameter, linear, weight, embed, map, run } from "./build.ts";

test.each([1, 3, 4, 7, 9])("a matrix of %d columns, with and without bias", (width) => {
  const w = noise("w", 3 * width);
  const x = Float64Array.from(noise("x", width));
  const want = [0, 1, 2].map((o) => x.reduce((sum, value, i) => sum + value * w[o * width + i]!, 0));
  const bias = Float32Array.of(1, 2, 3);
  matvec(w, x, 3).forEach((y, o) => expect(y).toBeCloseTo(want[o]!, 14));
  matvec(w, x, 3, bias).forEach((y, o) => expect(y).toBeCloseTo(want[o]! + bias[o]!, 14));
});

test("linear layers run at 0.25 GMAC a second of processor time, or more", () => {
  const width = 768;
  const rows = 48;
  const layers = 8;
  const w = weight("w", [width, width]);
  const values = noise("w", width * width).map((x) => x / 16);
  const table = { kind: "text", span: 0, index: 0, values: { x: noise("x", width) } } as const;
  const start = embed(new Map([["text", [width]]]));
  let value = start;
  for (let i = 0; i < layers; i++) value = map(linear(parameter(0, width), w), value);
  const x = { text: { ...parameter(0, width), op: "argument", attrs: { argument: "x" } } as const };
  const times = [0, 1, 2].map(() => {
    const began = process.cpuUsage();
    run(
      { embeds: x, steps: [value] },
      { rows: Array.from({ length: rows }, () => table), spans: {}, inputs: {} },
      () => values,
    );
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1e6;
  });
  const rate = (width * width * rows * layers) / 1e9 / Math.min(...times);
  // oxlint-disable-next-line no-console -- the figure is the point
  console.log(`oracle: ${rate.toFixed(2)} GMAC/s on linear layers of width ${width}`);
  expect(rate).toBeGreaterThan(0.25);
});
