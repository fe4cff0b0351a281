// `compile` killed at random moments: what lies in the folder is one compilation, whole, and the checkpoint is untouched.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { restoreFolder } from "../../cli/folder.ts";
import { parseManifest } from "../../runtime/index.ts";
import { root, start } from "./built.ts";
import { reference } from "./specs.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-killed-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (...path: string[]): string => join(folder, ...path);
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
const stateOf = (path: string) => ({ sha256: sha256(path), mtime: statSync(path).mtimeMs, ino: statSync(path).ino });

test.each([
  ["a folder", "out", 20],
  ["the folder of the checkpoint", "hub", 8],
])(
  "killed at any moment, %s holds the old compilation or the new one, whole",
  { timeout: 60_000 },
  async (_, out, times) => {
    mkdirSync(at("hub"));
    const hub = at("hub", "model.safetensors");
    copyFileSync(join(root, "test", "reference", "llama_tied", "model.safetensors"), hub);
    writeFileSync(at("model.graft"), reference());
    const before = stateOf(hub);
    const args = (profile: string) =>
      ["compile", at("model.graft"), "--weights", `language=${at("hub")}`, "--seed", "1"].concat([
        "--target",
        "onnx",
        "--out",
        at(out),
        "--profile",
        profile,
      ]);
    const ended = (child: ReturnType<typeof start>) => new Promise((done) => child.on("exit", done));
    await ended(start(args("ort-cpu")));
    const began = performance.now();
    await ended(start(args("ort-cpu")));
    const lasts = performance.now() - began;
    let killed = 0;
    for (let n = 0; n < times; n++) {
      const child = start(args(n % 2 === 0 ? "portable" : "ort-cpu"));
      const timer = setTimeout(() => child.kill("SIGKILL"), lasts * (0.4 + 0.6 * Math.random()));
      await ended(child);
      if (child.signalCode !== null) killed++;
      clearTimeout(timer);
      restoreFolder(at(out));
      const { programs, weights } = parseManifest(readFileSync(at(out, "manifest.json"), "utf8"), "manifest.json");
      const written = [...programs.map(({ graph }) => graph!), ...weights];
      for (const { file, sha256: hash } of written) expect(hash ?? before.sha256, file).toBe(sha256(at(out, file)));
      if (out === "hub") continue;
      const files = written.map(({ file }) => file);
      expect(readdirSync(at(out)).sort()).toEqual(["manifest.json", ...files].sort());
    }
    expect(killed).toBeGreaterThan(0);
    await ended(start(args("ort-cpu")));
    const { programs, weights } = parseManifest(readFileSync(at(out, "manifest.json"), "utf8"), "manifest.json");
    const files = [...programs.map(({ graph }) => graph!.file), ...weights.map(({ file }) => file), "manifest.json"];
    expect(readdirSync(at(out)).sort()).toEqual([...new Set(files)].sort());
    expect(readdirSync(at()).sort()).toEqual([...new Set(["hub", "model.graft", out])].sort());
    expect(stateOf(hub)).toEqual(before);
  },
);
