// `npm test [vitest arguments]`: installs where needed, runs the tests, and ends with the line `N passed, M failed`,
// taken from vitest's own count. A file that cannot even be loaded is a failure.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { install, root } from "./install.mjs";

install();

const folder = join(root, "node_modules", ".cache", "graftwerk");
const report = join(folder, `test-${process.pid}.json`);
mkdirSync(folder, { recursive: true });

const { status } = spawnSync(
  process.execPath,
  [
    join(root, "node_modules", "vitest", "vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: "inherit" },
);

/** Tests that passed, and tests and files that did not. */
const count = () => {
  let result;
  try {
    result = JSON.parse(readFileSync(report, "utf8"));
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

const { passed, failed, skipped } = count();
rmSync(report, { force: true });
if (skipped > 0) console.log(`${skipped} skipped`);
if (status !== 0 && failed === 0) console.log(`vitest ended with ${status} outside of any test`);
const failures = status !== 0 && failed === 0 ? 1 : failed;
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures > 0 ? 1 : 0;
