// The bindings of two models as they are, to be read as their documentation; and the same bytes whenever they are made.
import { describe, expect, test } from "vitest";
import { bindings } from "../../compiler/bindings/index.ts";
import { described, small } from "./manifests.ts";

test.each([
  ["llama", "LlamaModel"],
  ["xfusion", "DualTower"],
])("%s: %s", async (example, model) => {
  const { manifest, notes } = described(example, model);
  const made = bindings(manifest, notes);
  await expect(made.declarations).toMatchFileSnapshot(`golden/${model}.d.mts.txt`);
  await expect(made.module).toMatchFileSnapshot(`golden/${model}.mjs.txt`);
});

describe("the same manifest gives the same bytes", () => {
  test.each(small)("%s: %s", (example, model) => {
    const [first, second] = [described(example, model), described(example, model)];
    expect(bindings(first.manifest, first.notes)).toEqual(bindings(second.manifest, second.notes));
  });
});
