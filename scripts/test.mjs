// `npm test [vitest arguments]`: installs where needed, runs the tests, and ends with the line `N passed, M failed`,
// taken from vitest's own counts. A file that cannot even be loaded is a failure. The two projects of vitest.config.ts run
// side by side, as two vitests: in one they would run one after the other, and the tests of the GPU, in one process,
// would leave a core idle. `--project NAME` runs one of them.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gpuEnvironment } from "./gpu.mjs";
import { install, root } from "./install.mjs";

install();

const folder = join(root, "node_modules", ".cache", "graftwerk");
mkdirSync(folder, { recursive: true });

const PROJECTS = ["core", "gpu"];
const words = process.argv.slice(2).flatMap((word) => (word.startsWith("--project=") ? word.split("=") : [word]));
const at = words.indexOf("--project");
const projects = at < 0 ? PROJECTS : [words[at + 1]];
const others = at < 0 ? words : words.toSpliced(at, 2);

/** The environment of a project; ends the process where the one for the GPU cannot be made. */
const environmentOf = (project) => {
  if (project !== "gpu") return process.env;
  try {
    return { ...process.env, ...gpuEnvironment() };
  } catch (error) {
    console.error(`The tests of the GPU cannot run: ${error.message}. \`npm run test:core\` runs all others.`);
    console.log("0 passed, 1 failed");
    process.exit(1);
  }
};

const reportOf = (project) => join(folder, `test-${process.pid}-${project}.json`);

/** Runs a project; what all but the first one print is kept, and printed when it has ended. */
const run = (project, env, first) =>
  new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [
        join(root, "node_modules", "vitest", "vitest.mjs"),
        "run",
        `--project=${project}`,
        "--passWithNoTests",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${reportOf(project)}`,
        ...others,
      ],
      { cwd: root, env, stdio: first ? "inherit" : ["ignore", "pipe", "pipe"] },
    );
    const kept = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes) => kept.push(bytes));
    child.on("close", (status) => resolve({ project, status, output: Buffer.concat(kept) }));
  });

/** Tests that passed, and tests and files that did not. */
const count = (project) => {
  let result;
  try {
    result = JSON.parse(readFileSync(reportOf(project), "utf8"));
  } catch {
    console.error("vitest ended without a result.");
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const broken = result.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  );
  const skipped = result.numPendingTests + result.numTodoTests;
  return { passed: result.numPassedTests, failed: result.numFailedTests + broken.length, skipped };
};

const environments = projects.map(environmentOf);
const ended = await Promise.all(projects.map((project, i) => run(project, environments[i], i === 0)));
const total = { passed: 0, failed: 0, skipped: 0 };
for (const { project, status, output } of ended) {
  process.stdout.write(output);
  const { passed, failed, skipped } = count(project);
  rmSync(reportOf(project), { force: true });
  if (status !== 0 && failed === 0) console.log(`vitest ended with ${status} outside of any test`);
  total.passed += passed;
  total.failed += status !== 0 && failed === 0 ? 1 : failed;
  total.skipped += skipped;
}
const none = total.passed + total.failed + total.skipped === 0;
if (none) console.log("no test was found");
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
const failures = none ? 1 : total.failed;
console.log(`${total.passed} passed, ${failures} failed`);
process.exitCode = failures > 0 ? 1 : 0;
