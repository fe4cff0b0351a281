// Fills dist/ (or `--out DIR`; with `--bundle-only`, without the declarations): the command line and the three libraries as bundles that share their chunks, so that
// importing them needs no other package and reads few files; type declarations by tsc; the licences of what is bundled.
// onnxruntime-node, sharp and webgpu stay outside: they are optional, and carry machine code.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { install, root } from "./install.mjs";

install();

const { values } = parseArgs({
  options: { out: { type: "string", default: join(root, "dist") }, "bundle-only": { type: "boolean", default: false } },
});
const out = resolve(values.out);
const fresh = `${out}.new-${process.pid}`;

/** Bundle -> source. */
const entries = {
  "grammar/index": "grammar/index.ts",
  "compiler/index": "compiler/index.ts",
  "runtime/index": "runtime/index.ts",
  "cli/graftwerk": "cli/graftwerk.ts",
};
/** A thread of the command, bundled by itself: it shares no code with the others, and nearly all of it is typescript. */
const threads = { "cli/bindings": "cli/bindings/thread.ts" };
const EXTERNAL = [/^node:/, /^onnxruntime-node$/, /^sharp$/, /^webgpu$/];

const stop = (message) => {
  rmSync(fresh, { recursive: true, force: true });
  console.error(`build: ${message}`);
  process.exit(1);
};

const node = (...args) => {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) stop(`\`node ${args.map((arg) => relative(root, arg) || arg).join(" ")}\` failed`);
};

/** `mangle`: names are shortened too. */
const bundle = async (sources, mangle) => {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, join(root, source)])),
    platform: "node",
    external: EXTERNAL,
    // typescript is CommonJS and asks where it lies.
    transform: { define: { __filename: "import.meta.filename", __dirname: "import.meta.dirname" } },
    onLog: (level, log) => {
      // typescript and protobufjs ask for modules by computed names, on paths that are never taken here.
      if (level === "warn" && log.code !== "EVAL") console.warn(`build: ${log.message}`);
    },
  });
  const { output } = await build.write({
    dir: fresh,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    minify: { compress: true, mangle, codegen: true },
    banner: (chunk) => (chunk.name === "cli/graftwerk" ? "#!/usr/bin/env node" : ""),
  });
  await build.close();
  return output.filter((file) => file.type === "chunk");
};

/** The folder of the package that a bundled file belongs to, or undefined for our own. */
const packageOf = (file) => {
  const parts = file.split(sep);
  const at = parts.lastIndexOf("node_modules");
  if (at < 0) return undefined;
  return parts.slice(0, at + (parts[at + 1].startsWith("@") ? 3 : 2)).join(sep);
};

const licences = (chunks) => {
  const folders = new Set(
    chunks.flatMap((chunk) => chunk.moduleIds.map(packageOf)).filter((folder) => folder !== undefined),
  );
  const sections = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  const head = "The files of this folder contain code of the packages below, under their licences.\n";
  writeFileSync(join(fresh, "THIRD-PARTY.txt"), [head, ...sections].join(`\n${"-".repeat(80)}\n\n`));
};

rmSync(fresh, { recursive: true, force: true });
mkdirSync(dirname(fresh), { recursive: true });
const missing = Object.values({ ...entries, ...threads }).filter((source) => !existsSync(join(root, source)));
if (missing.length > 0) stop(`${missing.join(", ")} is missing`);
node(join(root, "scripts", "std.mjs"), "--check");
if (!values["bundle-only"])
  node(join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json", "--outDir", fresh);
// Names are kept: a message or a stack that a user reports should be readable. Those of typescript are half its size.
const chunks = await Promise.all([bundle(entries, false), bundle(threads, true)])
  .then((all) => all.flat())
  .catch((error) => stop(error.message));
licences(chunks);
chmodSync(join(fresh, "cli", "graftwerk.js"), 0o755);
rmSync(out, { recursive: true, force: true });
renameSync(fresh, out);
for (const chunk of chunks.filter(({ isEntry }) => isEntry))
  console.log(`${relative(root, join(out, chunk.fileName))}`);
