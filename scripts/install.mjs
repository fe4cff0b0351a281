// Brings node_modules to what package-lock.json says, and does nothing where it is there already. Plain Node without
// dependencies, because it is what runs first in a fresh clone. Install scripts stay off: nothing here needs one.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

const OLDEST = [20, 19];

const checkNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  console.error(`graftwerk needs Node ${OLDEST.join(".")} or newer; this is ${process.versions.node}.`);
  process.exit(1);
};

const packagesOf = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : {});

/** Whether every package that the lock file names, optional ones of other platforms aside, is the one installed. */
const isCurrent = () => {
  const installed = packagesOf(join(root, "node_modules", ".package-lock.json"));
  return Object.entries(packagesOf(join(root, "package-lock.json"))).every(([path, wanted]) => {
    if (path === "" || (wanted.optional && !installed[path])) return true;
    return installed[path]?.version === wanted.version && installed[path]?.integrity === wanted.integrity;
  });
};

/** npm as it was called, or from the path. */
export const npm = (args, options = { cwd: root, stdio: "inherit" }) => {
  const called = process.env.npm_execpath;
  if (called !== undefined && basename(called).startsWith("npm-cli"))
    return spawnSync(process.execPath, [called, ...args], options);
  return spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
};

/** Installs where needed; ends the process with a message where that fails. */
export const install = () => {
  checkNode();
  if (isCurrent()) return;
  console.log("node_modules is not what package-lock.json says: running npm ci (about 600 MB are unpacked) ...");
  const { status, error } = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  if (status === 0) return;
  console.error(
    `npm ci did not succeed${error ? `: ${error.message}` : ""}. It needs a connection to the npm registry, and no other step before it.`,
  );
  process.exit(1);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) install();
