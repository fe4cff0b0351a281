// The bindings of some models as they are, to be read as their documentation; and the same bytes whenever they are made.
import { describe, expect, test } from "vitest";
import { bindings } from "../../compiler/bindings/index.ts";
import type { Manifest } from "../../runtime/manifest.ts";
import { conditioned, described, small } from "./manifests.ts";

const models = [described("llama", "LlamaModel"), described("xfusion", "DualTower"), conditioned()];
test.each(models.map((model) => [model.manifest.model, model] as const))("%s", async (name, { manifest, notes }) => {
  const made = bindings(manifest, notes);
  await expect(made.declarations).toMatchFileSnapshot(`golden/${name}.d.mts.txt`);
  await expect(made.module).toMatchFileSnapshot(`golden/${name}.mjs.txt`);
});

describe("the same manifest gives the same bytes", () => {
  test.each(small)("%s: %s", (example, model) => {
    const { manifest, notes } = described(example, model);
    const again = JSON.parse(JSON.stringify(manifest)) as Manifest;
    expect(bindings(again, { ...notes })).toEqual(bindings(manifest, notes));
    // What is of files and weights, and bindings themselves, are no part of them.
    const other: Manifest = { ...manifest, tool: "graftwerk 9", profile: "portable", missing: ["a"], bindings: [] };
    expect(bindings(other, notes)).toEqual(bindings(manifest, notes));
  });
});
