// `npm run bench [vitest arguments]`: the measurements, one at a time, where they find the same GPU as the tests.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { gpuEnvironment } from "./gpu.mjs";
import { install, root } from "./install.mjs";

install();

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--config", "vitest.bench.config.ts", ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit", env: { ...process.env, ...gpuEnvironment() } },
);
process.exitCode = status ?? 1;
