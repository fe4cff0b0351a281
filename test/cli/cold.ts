// The bundled command in a process of its own, and what it took: time on the wall, time of processors, memory at its
// peak, bytes read.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./built.ts";

export interface Taken {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
  /** by all calls of the system that read; undefined where it does not tell */
  readonly readBytes: number | undefined;
}

/**
 * Runs in the process at its end. On Linux the peak is that of the process's own memory: `maxRSS` there begins at the
 * size of the process that it was started from.
 */
const report = `
  const { readFileSync, writeFileSync } = process.getBuiltinModule("node:fs");
  process.on("exit", () => {
    const linux = (file, pattern) =>
      process.platform === "linux" ? Number(pattern.exec(readFileSync("/proc/self/" + file, "utf8"))?.[1]) : NaN;
    const { user, system } = process.cpuUsage();
    const peakBytes = 1024 * (linux("status", /VmHWM:\\s+(\\d+) kB/) || process.resourceUsage().maxRSS);
    const readBytes = linux("io", /rchar: (\\d+)/);
    writeFileSync(process.env.TAKEN, JSON.stringify({ cpuMs: (user + system) / 1000, peakBytes, readBytes }));
  });`;

/** Runs one command that must succeed. */
export const cold = (args: readonly string[], cwd: string): Taken => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-cold-"));
  try {
    const file = join(folder, "taken.json");
    const entry = command();
    const node = [`--import=data:text/javascript,${encodeURIComponent(report)}`, entry, ...args];
    const { VITEST: _, ...env } = process.env;
    const since = performance.now();
    const ran = spawnSync(process.execPath, node, { cwd, encoding: "utf8", env: { ...env, TAKEN: file } });
    const wallMs = performance.now() - since;
    if (ran.status !== 0) throw new Error(`ended with ${String(ran.status)}: ${ran.stderr}`);
    const found = JSON.parse(readFileSync(file, "utf8")) as Omit<Taken, "wallMs" | "readBytes"> & {
      readBytes: number | null;
    };
    return { ...found, wallMs, readBytes: found.readBytes ?? undefined };
  } finally {
    rmSync(folder, { recursive: true });
  }
};
