// `npm run test:long`: what `npm test` samples, at full length. Takes five hours or so on two cores.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { gpuEnvironment } from "./gpu.mjs";
import { install, root } from "./install.mjs";

install();

const suites = [
  { files: ["test/phases/phases.test.ts"], env: { RUNS: "200" } },
  { files: ["test/lower/phases.test.ts"], env: { SCHEDULES: "20" } },
  { files: ["test/property/specs.test.ts"], env: { RUNS: "2000" } },
  { files: ["test/property/laws.test.ts"], env: { RUNS: "200" } },
  { files: ["test/gradient/random.test.ts"], env: { RUNS: "20000" } },
  { files: ["test/train/gradients.test.ts"], env: { RUNS: "1000" } },
  { files: ["test/train/targets.test.ts"], env: { RUNS: "20000" } },
  { files: ["test/train/killed.test.ts"], env: { RUNS: "all" } },
  { files: ["test/webgpu/session.test.ts"], env: { RUNS: "200" }, gpu: true },
  { files: ["test/webgpu/phases.test.ts"], env: { RUNS: "50" }, gpu: true },
  { files: ["test/webgpu/mutations.test.ts"], env: { RUNS: "all" }, gpu: true },
  {
    files: ["test/webgpu/together.test.ts", "test/webgpu/verify.test.ts", "test/webgpu/whole.test.ts"],
    env: { RUNS: "all" },
    gpu: true,
  },
  {
    files: ["test/webgpu/caches.test.ts", "test/webgpu/interleaved.test.ts", "test/webgpu/tiny.test.ts"],
    env: { RUNS: "all" },
    gpu: true,
  },
  { files: ["test/webgpu/grown.test.ts"], env: { RUNS: "1000" }, gpu: true },
  { files: ["test/webgpu/sampler.test.ts"], env: { RUNS: "10000" }, gpu: true },
  { files: ["test/runtime/headers.test.ts"], env: { RUNS: "1000000" } },
];
const failed = suites.filter(({ files, env, gpu = false }) => {
  const vitest = [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--testTimeout=7200000", ...files];
  const { status } = spawnSync(process.execPath, vitest, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...(gpu ? gpuEnvironment() : {}), ...env },
  });
  return status !== 0;
});
// In processes of their own, which are faster than tests and use all of the machine.
const count = ["--count", "10000000", "--processes", String(availableParallelism())];
const fuzz = [join(root, "scripts", "fuzz.mjs"), "specifications", ...count];
if (spawnSync(process.execPath, fuzz, { cwd: root, stdio: "inherit" }).status !== 0)
  failed.push({ files: ["fuzz.mjs"] });
console.log(failed.length === 0 ? "all passed" : `failed: ${failed.flatMap(({ files }) => files).join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
