// What runs a model, and why: a compiled folder was made for one thing; of a specification it is chosen.
import { spawnSync } from "node:child_process";
import type { Manifest } from "../runtime/manifest.ts";
import { type Call, UsageError } from "./command.ts";
import { choose } from "./values.ts";

export interface Device {
  readonly is: "cpu" | "webgpu";
  readonly why: string;
}
const DEVICES = ["auto", "cpu", "webgpu"] as const;
const wantedOf = (call: Call): (typeof DEVICES)[number] => choose("device", call.value("device") ?? "auto", DEVICES);

/** Of a compiled folder. @throws UsageError where another is asked for */
export const deviceOf = (call: Call, { target }: Manifest): Device => {
  const wanted = wantedOf(call);
  const is = target === "webgpu" ? "webgpu" : "cpu";
  if (wanted !== "auto" && wanted !== is)
    throw new UsageError(
      `--device is ${wanted}, and the folder was compiled for ${target}`,
      `compile it with --target ${wanted === "webgpu" ? "webgpu" : "onnx"}`,
    );
  return { is, why: `the folder was compiled for ${target}` };
};

/** Of a specification: a GPU where there is one. */
export const deviceFor = (call: Call): Device => {
  const wanted = wantedOf(call);
  if (wanted !== "auto") return { is: wanted, why: "asked for by --device" };
  const found = lookForGpu();
  if (found === undefined) return { is: "cpu", why: "no GPU was found (`graftwerk doctor` says why)" };
  if (found.software) return { is: "cpu", why: `${found.name} is a GPU only in name: the processor computes it` };
  return { is: "webgpu", why: `${found.name} is there` };
};

const LOOK = `
  const { create } = await import(process.argv[1]);
  const found = await create([]).requestAdapter({ powerPreference: "high-performance" });
  const { description, vendor, architecture, isFallbackAdapter: software } = found.info;
  console.log(JSON.stringify({ name: description || [vendor, architecture].join(" "), software }));
  process.exit();
`;
/** In a process of its own: where there is no driver, Dawn writes warnings of many lines. */
const lookForGpu = (): { readonly name: string; readonly software: boolean } | undefined => {
  try {
    const args = ["--input-type=module", "--eval", LOOK, import.meta.resolve("webgpu")];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return JSON.parse(stdout) as { readonly name: string; readonly software: boolean };
  } catch {
    return undefined;
  }
};
