// `npm run test:long`: what `npm test` samples, at full length. Takes an hour or so on two cores.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, root } from "./install.mjs";

install();

const suites = [
  { files: ["test/phases/phases.test.ts"], env: { RUNS: "200" } },
  { files: ["test/property/specs.test.ts"], env: { RUNS: "2000" } },
  { files: ["test/property/laws.test.ts"], env: { RUNS: "200" } },
];
const failed = suites.filter(({ files, env }) => {
  const vitest = [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--testTimeout=7200000", ...files];
  const { status } = spawnSync(process.execPath, vitest, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  return status !== 0;
});
console.log(failed.length === 0 ? "all passed" : `failed: ${failed.flatMap(({ files }) => files).join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
