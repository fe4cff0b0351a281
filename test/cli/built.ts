// The command line as it is published, for tests that run it: bundled once for each state of the sources, and kept.
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules", ".cache", "graftwerk");
const HOUR_MS = 3_600_000;

const sources = (): string[] =>
  ["grammar", "compiler", "runtime", "cli"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .sort()
      .map((name) => join(folder, name)),
  );

/** The path of the bundled command. Several test files may ask for it at once. */
const build = (): string => {
  const hash = createHash("sha256");
  for (const file of [...sources(), join("scripts", "build.mjs"), "package-lock.json"])
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  const folder = join(cache, `cli-${hash.digest("hex").slice(0, 16)}`);
  const entry = join(folder, "cli", "graftwerk.js");
  if (existsSync(entry)) return entry;
  mkdirSync(cache, { recursive: true });
  for (const old of readdirSync(cache).filter((name) => name.startsWith("cli-")))
    if (Date.now() - statSync(join(cache, old)).mtimeMs > HOUR_MS) rmSync(join(cache, old), { recursive: true });
  const own = `${folder}.${process.pid}`;
  const script = join(root, "scripts", "build.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--bundle-only", "--out", own], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the build failed: ${stderr}`);
  try {
    renameSync(own, folder);
  } catch {
    rmSync(own, { recursive: true });
  }
  return entry;
};

let entry: string | undefined;
const built = (): string => (entry ??= build());
/** The path of the bundled command, for tests that move it elsewhere. */
export const command = built;

interface Options {
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** arguments of Node itself */
  readonly node?: readonly string[];
}
const environment = (env: Options["env"]): NodeJS.ProcessEnv => {
  const { NO_COLOR: _, FORCE_COLOR: __, VITEST: ___, ...rest } = process.env;
  return { ...rest, ...env };
};

export type Ran = Pick<SpawnSyncReturns<string>, "status" | "stdout" | "stderr">;

/** Runs `graftwerk` with these arguments, in the repository unless told otherwise. */
export const graftwerk = (args: readonly string[], { cwd = root, input, env, node = [] }: Options = {}): Ran => {
  const options = { cwd, input: input ?? "", encoding: "utf8", env: environment(env) } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, built(), ...args], options);
  return { status, stdout, stderr };
};

/** The same, left running with its standard input open; `node` are arguments of Node itself. */
export const start = (args: readonly string[], node: readonly string[] = []) =>
  spawn(process.execPath, [...node, built(), ...args], {
    cwd: root,
    env: environment({}),
    stdio: ["pipe", "ignore", "ignore"],
  });
