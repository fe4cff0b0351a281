// The package as npm makes it, for tests that use it as a stranger would: packed once for each state of the sources, and
// kept; installed where a test wants it, without a network.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
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
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules", ".cache", "graftwerk");
const windows = process.platform === "win32";
const HOUR_MS = 3_600_000;
/** What goes into the package as it lies in the repository. */
const AS_IT_IS = ["package.json", "README.md", "LICENSE", "schemas"];

/** npm and npx with a cache and settings of their own, and no network. */
export const npm = (program: "npm" | "npx", cwd: string, ...args: readonly string[]) => {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NO_COLOR|FORCE_COLOR)/i.test(name));
  const env = {
    ...Object.fromEntries(kept),
    npm_config_cache: join(cache, "npm"),
    npm_config_userconfig: join(cache, "none"),
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
  };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: "utf8", shell: windows });
  return { status, stdout, stderr };
};
export const must = (ran: ReturnType<typeof npm>): string => {
  if (ran.status !== 0) throw new Error(`ended with ${String(ran.status)}: ${ran.stdout}${ran.stderr}`);
  return ran.stdout;
};

const filesOf = (path: string): string[] =>
  statSync(join(root, path)).isFile()
    ? [path]
    : readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
        .sort()
        .map((name) => join(path, name))
        .filter((name) => statSync(join(root, name)).isFile());

export interface Packed {
  readonly tarball: string;
  /** paths in the package */
  readonly files: readonly string[];
}

/** Packs a copy, so that a `dist` that is being used or was never built is left alone. */
export const packed = (): Packed => {
  const hash = createHash("sha256");
  const sources = [
    "grammar",
    "compiler",
    "runtime",
    "cli",
    "scripts/build.mjs",
    "tsconfig.json",
    "tsconfig.build.json",
  ];
  for (const file of [...sources, "package-lock.json", ...AS_IT_IS].flatMap(filesOf))
    hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  const folder = join(cache, `packed-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(folder)) pack(folder);
  return {
    tarball: join(folder, "graftwerk.tgz"),
    files: JSON.parse(readFileSync(join(folder, "files.json"), "utf8")) as string[],
  };
};

const pack = (folder: string): void => {
  mkdirSync(cache, { recursive: true });
  for (const old of readdirSync(cache).filter((name) => name.startsWith("packed-")))
    if (Date.now() - statSync(join(cache, old)).mtimeMs > HOUR_MS) rmSync(join(cache, old), { recursive: true });
  const own = mkdtempSync(`${folder}.`);
  const source = join(own, "source");
  mkdirSync(source);
  for (const name of AS_IT_IS) cpSync(join(root, name), join(source, name), { recursive: true });
  const build = [join(root, "scripts", "build.mjs"), "--out", join(source, "dist")];
  must(spawnSync(process.execPath, build, { encoding: "utf8" }));
  const [made] = JSON.parse(must(npm("npm", source, "pack", "--json", "--pack-destination", own))) as {
    filename: string;
    files: { path: string }[];
  }[];
  renameSync(join(own, made!.filename), join(own, "graftwerk.tgz"));
  writeFileSync(join(own, "files.json"), JSON.stringify(made!.files.map(({ path }) => path)));
  rmSync(source, { recursive: true });
  try {
    renameSync(own, folder);
  } catch {
    // Another test has packed the same at the same time.
    rmSync(own, { recursive: true });
  }
};

/** Installs the package alone into an empty folder; gives the folder of the package. */
export const installInto = (home: string): string => {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), '{ "name": "home", "private": true }\n');
  must(npm("npm", home, "install", "--no-audit", "--no-fund", packed().tarball));
  return join(home, "node_modules", "graftwerk");
};
