// The same text gives the same bytes: in another folder, another language and time zone, another run, and on Node 24.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { command, root } from "./built.ts";
import { reference } from "./specs.ts";

let folder: string;
let first: Readonly<Record<string, string>>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-same-"));
  first = made("first");
});
afterAll(() => rmSync(folder, { recursive: true }));

const HERE = { LANG: "C", LC_ALL: "C", TZ: "UTC" };
/** Small letters are others in Turkish, numbers are written otherwise in German, and it is not the same day. */
const ELSEWHERE = { LANG: "de_DE.UTF-8", LC_ALL: "tr_TR.UTF-8", TZ: "Pacific/Kiritimati" };
const onnx = ["--target", "onnx", "--seed", "1", "--out"];
const calls: readonly (readonly string[])[] = [
  ["compile", "xfusion.graft", "--model", "DualTower", "--bindings", ...onnx, "dual"],
  ["compile", "xfusion.graft", "--model", "DualTowerDiT", "--profile", "portable", ...onnx, "dit"],
  ["compile", "reference.graft", "--weights", "language=hub", ...onnx, "loaded"],
  ["inspect", "xfusion.graft", "--model", "XFuse", "--svg", "drawn.svg", "--json"],
  ["expand", "xfusion.graft", "--model", "XFuse"],
  ["check", "twice.graft", "--json"],
];

/** The hash of every file that the calls make in a folder of this name, and of what they print. */
const made = (name: string, { env = HERE, node = process.execPath } = {}): Readonly<Record<string, string>> => {
  const own = join(folder, name);
  mkdirSync(join(own, "hub"), { recursive: true });
  cpSync(join(root, "examples", "xfusion", "xfusion.graft"), join(own, "xfusion.graft"));
  writeFileSync(join(own, "reference.graft"), reference());
  writeFileSync(join(own, "twice.graft"), reference() + reference());
  const hub = join(own, "hub", "model.safetensors");
  copyFileSync(join(root, "test", "reference", "llama_tied", "model.safetensors"), hub);
  // The manifest says when a checkpoint was last changed.
  utimesSync(hub, 1e9, 1e9);
  const { VITEST: _, ...rest } = process.env;
  const hash = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");
  const printed = calls.map((args) => {
    const ran = spawnSync(node, [command(), ...args], { cwd: own, encoding: "utf8", env: { ...rest, ...env } });
    expect(ran.status, ran.stderr).toBe(args[1] === "twice.graft" ? 1 : 0);
    return [args.join(" "), hash(`${ran.stdout}\0${ran.stderr}`)] as const;
  });
  const files = readdirSync(own, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries([
    ...printed,
    ...files.map((file) => [file.slice(own.length), hash(readFileSync(file))] as const),
  ]);
};

test("there is something to compare", () => {
  for (const name of ["manifest.json", "forward.text.onnx", "weights.safetensors", "model.mjs", "model.d.mts"])
    expect(Object.keys(first)).toContain(join("/dual", name));
});

test("in another folder, again", () => expect(made(join("sub", "second"))).toEqual(first));

test("in another language and time zone", () => expect(made("third", { env: ELSEWHERE })).toEqual(first));

test("on Node 24", { timeout: 300_000 }, (context) => {
  const script = join(root, "scripts", "node24.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  // 75: there is none for this platform, or npm cannot be reached.
  if (status === 75) context.skip(stderr.trim());
  expect([status, stderr]).toEqual([0, ""]);
  expect(made("fourth", { node: stdout.trim() })).toEqual(first);
});
