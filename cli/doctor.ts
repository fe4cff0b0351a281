// `graftwerk doctor`: what graftwerk finds on this machine, and for what is missing the command that installs it.
import { statfsSync } from "node:fs";
import { availableParallelism, freemem, tmpdir, totalmem } from "node:os";
import { INSPECT_SCHEMA } from "../compiler/inspect/index.ts";
import { Failure } from "../runtime/failure.ts";
import { MANIFEST_SCHEMA } from "../runtime/manifest.ts";
import { sharpVersion } from "../runtime/media/version.ts";
import { onnxRuntime } from "../runtime/onnx/version.ts";
import { webgpuVersion } from "../runtime/webgpu/version.ts";
import type { Run } from "./command.ts";
import { gpuLines, lookForGpu } from "./gpu.ts";
import { nodeWanted, packagesWanted, version } from "./version.ts";

/** One package or program that graftwerk uses. */
export interface Part {
  readonly name: string;
  readonly version: string | null;
  /** the least version that will do; the next major one may not */
  readonly wanted: string;
  readonly ok: boolean;
  readonly detail: string;
  /** the command that mends it; null where nothing is wrong */
  readonly repair: string | null;
}

export const run: Run = async () => {
  const parts = [nodePart(), await ortPart(), await sharpPart(), await webgpuPart()];
  const gpu = await lookForGpu();
  const ok = gpu.ok && parts.every((part) => part.ok);
  const machine = {
    platform: process.platform,
    arch: process.arch,
    threads: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    temporary: { folder: tmpdir(), freeBytes: freeBytes(tmpdir()) },
  };
  const formats = [MANIFEST_SCHEMA, INSPECT_SCHEMA];
  const json = { schema: "graftwerk/doctor@1", ok, graftwerk: version, formats, parts, gpu, machine };
  const gigabytes = (bytes: number | null): string => (bytes === null ? "unknown" : `${(bytes / 1e9).toFixed(1)} GB`);
  const lines: readonly (readonly [string, string])[] = [
    ["graftwerk", `${version}; writes ${formats.join(", ")}`],
    ["platform", `${machine.platform} ${machine.arch}, ${machine.threads} threads`],
    ["memory", `${gigabytes(machine.freeMemoryBytes)} free of ${gigabytes(machine.memoryBytes)}`],
    ["temporary", `${machine.temporary.folder}, ${gigabytes(machine.temporary.freeBytes)} free`],
    ...parts.map((part) => [part.name, `${part.version ?? "not there"}${part.detail && `; ${part.detail}`}`] as const),
    ...gpuLines(gpu),
  ];
  const missing = [...parts, { name: "GPU", ...gpu }].flatMap(({ name, repair }) =>
    repair === null ? [] : [`${name}: ${repair}`],
  );
  const text = lines.map(([left, right]) => `${left.padEnd(18)}${right}\n`).join("");
  const messages = missing.length > 0 ? `missing:\n${missing.map((line) => `  ${line}`).join("\n")}` : "";
  return { exit: ok ? 0 : 3, json, text, messages };
};

/** Of the same major version, and not older. */
export const suffices = (found: string, wanted: string): boolean => {
  const [have, need] = [found, wanted].map((text) => text.split(/[.-]/).map(Number)) as [number[], number[]];
  if (have[0] !== need[0]) return false;
  const at = need.findIndex((number, i) => number !== (have[i] ?? 0));
  return at < 0 || (have[at] ?? 0) > need[at]!;
};

const nodePart = (): Part => {
  const found = process.versions.node;
  const ok = Number(found.split(".")[0]) > Number(nodeWanted.split(".")[0]) || suffices(found, nodeWanted);
  const repair = ok ? null : `install Node ${nodeWanted} or newer from https://nodejs.org`;
  return { name: "Node", version: found, wanted: nodeWanted, ok, detail: "", repair };
};
const ortPart = (): Promise<Part> =>
  packagePart("onnxruntime-node", async () => {
    const { version: found, providers } = await onnxRuntime();
    return { found, detail: `runs on ${providers.join(", ")}` };
  });
const sharpPart = (): Promise<Part> => packagePart("sharp", async () => ({ found: await sharpVersion(), detail: "" }));
const webgpuPart = (): Promise<Part> =>
  packagePart("webgpu", async () => ({ found: await webgpuVersion(), detail: "" }));

const packagePart = async (
  name: keyof typeof packagesWanted,
  look: () => Promise<{ readonly found: string; readonly detail: string }>,
): Promise<Part> => {
  const wanted = packagesWanted[name];
  const repair = `npm install --ignore-scripts ${name}@^${wanted}`;
  try {
    const { found, detail } = await look();
    const ok = suffices(found, wanted);
    return { name, version: found, wanted, ok, detail, repair: ok ? null : repair };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    const reason = thrown.message.replace(/\n {2}help: [^]*/, "");
    return { name, version: null, wanted, ok: false, detail: reason, repair };
  }
};

/** Bytes that may still be written there; null where the system does not tell. */
const freeBytes = (folder: string): number | null => {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
};
