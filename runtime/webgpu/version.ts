// Which Dawn is installed and what it finds: for people who ask what is missing. Of Node only.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { reasonOf } from "../failure.ts";
import { loadWebgpu } from "./provider.ts";

/** @throws Failure "package" where it is missing or does not load */
export const webgpuVersion = async (): Promise<string> => {
  await loadWebgpu();
  const path = createRequire(import.meta.url).resolve("webgpu/package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version;
};

/** The backends through which Dawn reaches an adapter here: `vulkan`, `metal`, `d3d12`. WebGPU itself does not tell. */
export const webgpuBackends = async (): Promise<readonly string[]> => {
  const { create } = await loadWebgpu();
  try {
    // Dawn answers a name that no adapter has with the list of those there are.
    await create(["adapter=the-list-of-adapters"]).requestAdapter();
    return [];
  } catch (thrown) {
    return [...new Set([...reasonOf(thrown).matchAll(/backend: '(\w+)'/g)].map(([, backend]) => backend!))];
  }
};
