// `node scripts/fuzz.mjs specifications|headers [--count N] [--from N] [--seed N] [--processes N] [--log FILE]` judges
// samples of a seed in processes of their own. Each range of samples that is done is a line of FILE; ranges that stand there
// are not done again, so that a run may be stopped and taken up. Ends with the sum of all lines, which says by how many
// versions of the code they were judged, and with 1 where anything failed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { install, root } from "./install.mjs";

install();

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "10000" },
    from: { type: "string", default: "0" },
    seed: { type: "string", default: "2026" },
    processes: { type: "string", default: "1" },
    log: { type: "string" },
  },
});
const [what] = positionals;
const [count, from, seed, processes] = [values.count, values.from, values.seed, values.processes].map(Number);
if (!["specifications", "headers"].includes(what) || ![count, from, seed, processes].every(Number.isSafeInteger)) {
  console.error("usage: node scripts/fuzz.mjs specifications|headers [--count N] [--from N] [--seed N] [--log FILE]");
  process.exit(2);
}
const RANGE = 10_000;
const PROGRESS = 30_000;
/** A range that takes longer hangs, whatever else the machine does. */
const LONGEST = 30 * 60_000;
/** So much memory, in MiB, is enough for any sample. */
const MEMORY = 512;

const folder = join(root, "node_modules", ".cache", "graftwerk");
mkdirSync(folder, { recursive: true });
// Modules find their files from the depth at which the sources lie.
const child = join(root, "node_modules", ".cache", "graftwerk", `fuzz-${process.pid}.mjs`);
const { rolldown } = await import("rolldown");
const build = await rolldown({
  cwd: root,
  input: join(root, "test", "robustness", "range.child.ts"),
  platform: "node",
  external: [/^node:/],
  onLog: () => undefined,
});
await build.write({ file: child, format: "esm", codeSplitting: false });
await build.close();
const code = createHash("sha256").update(readFileSync(child)).digest("hex").slice(0, 12);
process.on("exit", () => rmSync(child, { force: true }));

const lines = values.log !== undefined && existsSync(values.log) ? readFileSync(values.log, "utf8").split("\n") : [];
/** A line that was being written when the run was stopped ends nowhere. */
const lineOf = (text) => {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
};
const done = lines.flatMap(lineOf).filter((line) => (line.what ?? what) === what);
const ranges = [];
for (let at = from; at < from + count; at += RANGE) ranges.push([at, Math.min(at + RANGE, from + count)]);
const open = ranges.filter(([a, b]) => !done.some((line) => line.seed === seed && line.from <= a && line.to >= b));
const kept = ranges.length - open.length;
console.log(
  `${what} ${from} to ${from + count - 1} of seed ${seed}: ${open.length} ranges of ${RANGE}` +
    (kept > 0 ? `, ${kept} are done already` : ""),
);

const finish = (line) => {
  const whole = { what, seed, code, ...line };
  done.push(whole);
  if (values.log !== undefined) appendFileSync(values.log, `${JSON.stringify(whole)}\n`);
  for (const fault of line.faults) console.error(fault);
};

let left = open.length;
let judged = 0;
const began = Date.now();
const progress = () => {
  const rate = Math.round((judged * 1000) / (Date.now() - began));
  console.log(`${judged} judged, ${rate} a second, ${left} ranges left`);
};
const timer = setInterval(progress, PROGRESS);

/** One process after another until no range is open: what ends a process is a fault of its range. */
const work = async () => {
  while (open.length > 0) {
    const worker = spawn(process.execPath, [`--max-old-space-size=${MEMORY}`, child], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let range = open.shift();
    let watch;
    const ask = () => {
      clearTimeout(watch);
      if (range === undefined) return void worker.stdin.end();
      watch = setTimeout(() => worker.kill("SIGKILL"), LONGEST);
      worker.stdin.write(`${what} ${seed} ${range.join(" ")}\n`);
    };
    const ended = new Promise((resolve) => worker.on("exit", (status, signal) => resolve(signal ?? status)));
    worker.stdin.on("error", () => undefined);
    ask();
    for await (const line of createInterface(worker.stdout)) {
      finish(JSON.parse(line));
      judged += range[1] - range[0];
      left--;
      range = open.shift();
      ask();
    }
    clearTimeout(watch);
    const how = await ended;
    if (range === undefined) continue;
    left--;
    const [a, b] = range;
    finish({ from: a, to: b, counts: { faults: 1 }, most: {}, kinds: [], faults: [`${a} to ${b}: ended with ${how}`] });
  }
};
await Promise.all(Array.from({ length: processes }, work));
clearInterval(timer);
progress();
const input = done.map((line) => JSON.stringify(line)).join("\n");
const summed = spawnSync(process.execPath, [child, "sum"], { input, encoding: "utf8", maxBuffer: 2 ** 28 });
console.log(`${summed.stdout}${new Set(done.map((line) => line.code)).size} versions of the code`);
process.exitCode = done.some((line) => line.faults.length > 0) || summed.status !== 0 ? 1 : 0;
