// Compilations of models of real size, each from a cold process, for the benchmark and for the test that holds them to
// looser limits.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../../compiler/index.ts";
import { root } from "./built.ts";
import { cold, type Taken } from "./cold.ts";
import { type Stored, writeSparse } from "./sparse.ts";

export interface Large {
  readonly name: string;
  /** most that it may take */
  readonly seconds: number;
  readonly bytes: number;
  readonly run: (folder: string) => Taken;
}

/** A language model alone; every weight lies in its checkpoint as it is. */
const alone = (tower: string): string =>
  readFileSync(join(root, "examples", "llama", "llama.graft"), "utf8")
    .replace("Llama_3_2_1B,", `${tower},`)
    .replace(/model Llama1B.*/, `model Large = LlamaModel(language: ${tower})`);

/**
 * Compiles over a checkpoint that is a hole; throws where a byte of a weight was read or copied. The files that are
 * written are the graphs and their tables.
 */
const over = (folder: string, tower: string, dtype: Stored, shards: number): Taken => {
  const text = alone(tower);
  const model = check("large.graft", (path) => (path === "large.graft" ? text : undefined)).model("Large")!;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "large.graft"), text);
  const hub = join(folder, "hub");
  writeSparse(hub, model, dtype, shards);
  const args = ["large.graft", "--model", "Large", "--weights", "language=hub", "--target", "onnx", "--out", "out"];
  const taken = cold(["compile", ...args], folder);
  const checkpoint = readdirSync(hub).filter((name) => name.endsWith(".safetensors"));
  const own = readdirSync(join(folder, "out")).filter((name) => !checkpoint.includes(name));
  for (const name of checkpoint) {
    const [before, after] = [statSync(join(hub, name)), statSync(join(folder, "out", name))];
    if (before.ino !== after.ino) throw new Error(`${name} is another file in the folder of the graphs`);
  }
  const written = own.reduce((sum, name) => sum + statSync(join(folder, "out", name)).size, 0);
  if (own.includes("weights.safetensors")) throw new Error("weights were written");
  if (written > LITTLE) throw new Error(`${written} bytes were written`);
  if (taken.readBytes !== undefined && taken.readBytes > LITTLE) throw new Error(`${taken.readBytes} bytes were read`);
  return taken;
};
/** Code, headers, graphs and tables, together a hundredth of the smallest checkpoint. */
const LITTLE = 24e6;

const example = join(root, "examples", "xfusion", "xfusion.graft");
const ofFile = (dtype: Stored): Large => ({
  name: `Llama 3.2 1B over a checkpoint in ${dtype}`,
  seconds: 1,
  bytes: 400e6,
  run: (folder) => over(folder, "Llama_3_2_1B", dtype, 1),
});

export const large: readonly Large[] = [
  {
    name: "DualTower1B",
    seconds: 1,
    bytes: 400e6,
    run: (folder) => {
      mkdirSync(folder, { recursive: true });
      return cold(["compile", example, "--model", "DualTower1B", "--target", "onnx", "--out", "out"], folder);
    },
  },
  {
    name: "DualTower1B as kernels",
    seconds: 1,
    bytes: 400e6,
    run: (folder) => {
      mkdirSync(folder, { recursive: true });
      return cold(["compile", example, "--model", "DualTower1B", "--target", "webgpu", "--out", "out"], folder);
    },
  },
  {
    name: "DualTower1B with bindings",
    seconds: 1,
    bytes: 400e6,
    run: (folder) => {
      mkdirSync(folder, { recursive: true });
      const options = ["--model", "DualTower1B", "--target", "onnx", "--bindings", "--out", "out"];
      return cold(["compile", example, ...options], folder);
    },
  },
  ofFile("F32"),
  ofFile("F16"),
  ofFile("BF16"),
  {
    name: "Llama 3.1 8B over four shards in BF16",
    seconds: 2,
    bytes: 500e6,
    run: (folder) => over(folder, "Llama_3_1_8B", "BF16", 4),
  },
];

/** Files with holes take their whole room there. */
export const withHoles = process.platform !== "win32";
export const figure = ({ wallMs, cpuMs, peakBytes }: Taken): string =>
  `${(wallMs / 1000).toFixed(2)} s (${(cpuMs / 1000).toFixed(2)} s of processors), ${(peakBytes / 1e6).toFixed(0)} MB`;
