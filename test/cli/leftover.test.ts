// A compilation killed at exact points: the folder comes back, what it was compiled from is untouched, and the next
// compilation removes what the killed one left, and nothing else.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addToFolder, replaceFolder, restoreFolder } from "../../cli/folder.ts";
import { openSession, readManifest } from "../../runtime/index.ts";
import { inside } from "./inside.ts";
import { filesOf, fillWith } from "./leftover.ts";

const built = mkdtempSync(join(tmpdir(), "graftwerk-child-"));
const child = join(built, "child.mjs");
beforeAll(async () => {
  const input = fileURLToPath(new URL("leftover.child.ts", import.meta.url));
  const build = await rolldown({ input, platform: "node", external: [/^node:/], onLog: () => undefined });
  await build.write({ file: child, format: "esm", codeSplitting: false });
  await build.close();
});
afterAll(() => rmSync(built, { recursive: true }));
let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-left-"));
  out = join(folder, "out");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a compilation of `tag` until it kills itself. */
const killedAt = (mode: "replace" | "beside", tag: string, moment: string): void => {
  const { signal, stderr } = spawnSync(process.execPath, [child, mode, out, tag, moment], { encoding: "utf8" });
  expect([signal, stderr]).toEqual(["SIGKILL", ""]);
};
const names = (path = folder): string[] => readdirSync(path).sort();
const left = (what: string): string[] =>
  names().filter((name) => name.startsWith(".out.") && name.endsWith(`.${what}`));
const modelIn = async (path = out): Promise<string> => (await readManifest(path, "manifest.json")).model;
const whole = (tag: string): string[] => [...filesOf(tag), "manifest.json"].sort();

describe("a folder of its own", () => {
  beforeEach(() => replaceFolder(out, fillWith("aaaaaaaa")));

  test("killed before the exchange: the old folder stands, and the next compilation clears up", async () => {
    killedAt("replace", "bbbbbbbb", "filled");
    expect([await modelIn(), left("part").length]).toEqual(["Maaaaaaaa", 1]);
    writeFileSync(join(folder, left("part")[0]!, ".forward.text.onnx.0123456789ab.part"), "half");
    await replaceFolder(out, fillWith("cccccccc"));
    expect([names(), names(out)]).toEqual([["out"], whole("cccccccc")]);
  });
  test("killed within the exchange: the next compilation puts the old folder back first", async () => {
    killedAt("replace", "bbbbbbbb", "moved away");
    expect([existsSync(out), left("old").length, left("part").length]).toEqual([false, 1, 1]);
    const failing = replaceFolder(out, () => Promise.reject(new Error("no weights")));
    await expect(failing).rejects.toThrow("no weights");
    expect([names(), names(out), await modelIn()]).toEqual([["out"], whole("aaaaaaaa"), "Maaaaaaaa"]);
  });
  test("opening it says what happened and how to put it back", async () => {
    killedAt("replace", "bbbbbbbb", "moved away");
    const failed = await openSession(out).catch((thrown: unknown) => thrown as Error & { help: string });
    expect(String(failed)).toMatch(/out: is not there: a compilation was killed while it replaced it/);
    const [, from, to] = /mv (\S+) (\S+)$/.exec("help" in failed ? failed.help : "")!;
    renameSync(from!, to!);
    expect(await modelIn()).toBe("Maaaaaaaa");
  });
  test("generate puts it back, and says so", async () => {
    killedAt("replace", "bbbbbbbb", "moved away");
    const { stderr } = await inside(["generate", out, "--prompt", "x"]);
    expect(stderr).toContain("a compilation was killed while it replaced this folder; what it held is put back");
    expect(await modelIn()).toBe("Maaaaaaaa");
    expect(restoreFolder(out)).toBeUndefined();
  });
  test("killed after the exchange: the new folder stands, and the old one is removed by the next compilation", async () => {
    killedAt("replace", "bbbbbbbb", "moved in");
    expect([await modelIn(), left("old").length, left("part")]).toEqual(["Mbbbbbbbb", 1, []]);
    await replaceFolder(out, fillWith("cccccccc"));
    expect([names(), names(out)]).toEqual([["out"], whole("cccccccc")]);
  });
  test("what is not surely ours stays", async () => {
    killedAt("replace", "bbbbbbbb", "moved in");
    const old = join(folder, left("old")[0]!);
    writeFileSync(join(old, "mine.txt"), "mine");
    killedAt("replace", "cccccccc", "filled");
    const part = join(folder, left("part")[0]!);
    writeFileSync(join(folder, "hub.safetensors"), "weights");
    linkSync(join(folder, "hub.safetensors"), join(part, "hub.safetensors"));
    unlinkSync(join(folder, "hub.safetensors"));
    mkdirSync(join(folder, ".out.part"));
    await replaceFolder(out, fillWith("dddddddd"));
    expect(readFileSync(join(old, "mine.txt"), "utf8")).toBe("mine");
    expect(readFileSync(join(part, "hub.safetensors"), "utf8")).toBe("weights");
    expect(names()).toContain(".out.part");
  });
  test("what a running process fills stays, until it is a day old", async () => {
    killedAt("replace", "bbbbbbbb", "filled");
    const part = join(folder, left("part")[0]!);
    const running = part.replace(/-\d+\./, `-${process.pid}.`);
    const elsewhere = part.replace(/\.[0-9a-f]{8}-/, ".00000000-");
    renameSync(part, running);
    mkdirSync(elsewhere);
    await replaceFolder(out, fillWith("cccccccc"));
    expect(left("part")).toHaveLength(2);
    const before = new Date(Date.now() - 90_000_000);
    for (const path of [running, elsewhere])
      for (const each of [...names(path).map((name) => join(path, name)), path]) utimesSync(each, before, before);
    await replaceFolder(out, fillWith("dddddddd"));
    expect(names()).toEqual(["out"]);
  });
});

describe("the folder of the weights", () => {
  const user = ["model.safetensors", "notes.txt"];
  beforeEach(async () => {
    mkdirSync(out);
    for (const name of user) writeFileSync(join(out, name), name);
    await addToFolder(out, fillWith("aaaaaaaa"));
  });
  const parts = (): string[] => names(out).filter((name) => name.startsWith(".graftwerk."));

  test.each([
    ["filled", "Maaaaaaaa"],
    ["added", "Maaaaaaaa"],
    ["replaced", "Mbbbbbbbb"],
  ])("killed when its files are %s: the next compilation removes what is in no manifest", async (moment, model) => {
    killedAt("beside", "bbbbbbbb", moment);
    expect([await modelIn(), parts().length]).toEqual([model, 1]);
    await addToFolder(out, fillWith("cccccccc"));
    expect(names(out)).toEqual([...user, ...whole("cccccccc")].sort());
    for (const name of user) expect(readFileSync(join(out, name), "utf8")).toBe(name);
  });
  test("a file that was changed since stays", async () => {
    killedAt("beside", "bbbbbbbb", "added");
    const [graph] = filesOf("bbbbbbbb");
    writeFileSync(join(out, graph!), "changed");
    await addToFolder(out, fillWith("cccccccc"));
    expect(names(out)).toEqual([...user, graph, ...whole("cccccccc")].sort());
  });
});
