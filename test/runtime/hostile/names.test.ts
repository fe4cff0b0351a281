// Names of files as a stranger writes them into a manifest or an index, by which a tool could be led out of its folder or to
// something that is no file. Each is refused before anything is opened but what holds it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type * as FsPromises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Manifest, MANIFEST_SCHEMA, type ProgramEntry, type WeightFile } from "../../../runtime/manifest.ts";
import { printManifest } from "../../../runtime/parseManifest.ts";
import { Failure, openCheckpoint, openSession } from "../../../runtime/index.ts";
import { isPlainName } from "../../../runtime/plainName.ts";
import { entry, file } from "./file.ts";
import { page } from "../../robustness/page.ts";

/** What was opened. */
const opened: string[] = [];
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof FsPromises>();
  const open = (...args: Parameters<typeof real.open>): ReturnType<typeof real.open> => {
    opened.push(String(args[0]));
    return real.open(...args);
  };
  return { ...real, open };
});

/** `secret.safetensors` lies above the folder, and in a folder `d` in it. */
const names: readonly (readonly [what: string, name: string])[] = [
  ["nothing", ""],
  ["the folder", "."],
  ["the folder above", ".."],
  ["three dots, a folder above on old Windows", "..."],
  ["a file above", "../secret.safetensors"],
  ["a file far above", "../../../../../../../../secret.safetensors"],
  ["down and up", "d/../../secret.safetensors"],
  ["up and down", "./../x/secret.safetensors"],
  ["a file below", "d/secret.safetensors"],
  ["this folder's file by a path", "./x.safetensors"],
  ["a path that ends in a separator", "x.safetensors/"],
  ["a path from the root", "/etc/passwd"],
  ["two slashes", "//server/share/x.safetensors"],
  ["a home", "~/x.safetensors"],
  ["a home of somebody", "~root"],
  ["a variable", "$HOME"],
  ["a variable of Windows", "%USERPROFILE%"],
  ["a backslash", "..\\secret.safetensors"],
  ["a backslash below", "d\\secret.safetensors"],
  ["both separators", "..\\/secret.safetensors"],
  ["a drive", "C:\\Windows\\win.ini"],
  ["a drive's current folder", "C:secret.safetensors"],
  ["a share", "\\\\server\\share\\x.safetensors"],
  ["a device by its path", "\\\\.\\PhysicalDrive0"],
  ["a path that is not looked at", "\\\\?\\C:\\x"],
  ["a stream of a file", "x.safetensors:hidden"],
  ["the data stream", "x.safetensors::$DATA"],
  ["an address", "file:///etc/passwd"],
  ["an address of the web", "https://example.org/x.safetensors"],
  ["a NUL", "x.safetensors\u0000"],
  ["a NUL before another end", "../secret.safetensors\u0000.safetensors"],
  ["a line end", "x.safetensors\n"],
  ["a carriage return", "x\r.safetensors"],
  ["a tab", "x\t.safetensors"],
  ["an escape", "\u001b[2Jx.safetensors"],
  ["a space before", " x.safetensors"],
  ["a space after, which Windows drops", "x.safetensors "],
  ["a dot after, which Windows drops", "x.safetensors."],
  ["a percent escape of a slash", "..%2fsecret.safetensors"],
  ["a percent escape of a dot", "%2e%2e"],
  ["a slash of full width", "..\uff0fsecret.safetensors"],
  ["a slash of division", "..\u2215secret.safetensors"],
  ["a dot of one column", "\u2024\u2024/x"],
  ["a dot of full width", "\uff0e\uff0e"],
  ["an overlong slash, as Latin-1 reads it", "..\u00c0\u00afsecret.safetensors"],
  ["text that turns around", "x\u202esrosnetefas."],
  ["a character of no width", "x\u200b.safetensors"],
  ["a byte order mark", "\ufeffx.safetensors"],
  ["a letter of another alphabet", "\u0445.safetensors"],
  ["a letter and its accent apart", "e\u0301.safetensors"],
  ["half of a surrogate pair", "\ud800.safetensors"],
  ["256 characters", "x".repeat(256)],
  ["a million characters", "x/".repeat(500_000)],
  ["a wildcard", "*.safetensors"],
  ["a command", "$(id).safetensors"],
  ["quotes", '"x.safetensors"'],
  ["a pipe", "|id"],
  ["the console of Windows", "CON"],
  ["the null device of Windows", "nul"],
  ["a device of Windows with an ending", "NUL.safetensors"],
  ["a port of Windows", "com1.safetensors"],
  ["a printer of Windows", "Lpt9"],
];
const plain = [
  "x",
  "model-00001-of-00002.safetensors",
  ".hidden",
  "-x",
  "a+b",
  "console.safetensors",
  "x".repeat(255),
  "..x",
];

test("there are forty, all different", () => {
  expect(new Set(names.map(([, name]) => name)).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(page).toContain(`as a shard | ${names.length} |`);
});
test.each(plain)("%s is plain", (name) => expect(isPlainName(name)).toBe(true));

let above: string;
let folder: string;
beforeAll(() => {
  above = mkdtempSync(join(tmpdir(), "graftwerk-names-"));
  folder = join(above, "x");
  mkdirSync(join(folder, "d"), { recursive: true });
  const sound = file(`{"a":${entry("F32", "[1]", 0, 4)}}`, 4);
  for (const place of [above, join(folder, "d")]) writeFileSync(join(place, "secret.safetensors"), sound);
  writeFileSync(join(folder, "x.safetensors"), sound);
});
afterAll(() => rmSync(above, { recursive: true }));
beforeEach(() => void opened.splice(0));

const failureOf = async (work: () => Promise<unknown>): Promise<Failure> => {
  try {
    await work();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Failure);
    return thrown as Failure;
  }
  throw new Error("nothing was refused");
};
const program = (name: string): ProgramEntry => ({
  name: "forward(text)",
  phase: "forward",
  streams: [],
  whole: [],
  again: [],
  reads: [],
  writes: [],
  graph: { file: name, sha256: "0".repeat(64) },
  inputs: [],
  outputs: [],
});
const weights = (name: string): WeightFile => {
  return { file: name, size: 1, how: "written", sha256: null, header: null, mtime: null };
};
const manifest = (members: Partial<Manifest>): string =>
  printManifest({
    schema: MANIFEST_SCHEMA,
    tool: "graftwerk",
    model: "M",
    target: "onnx",
    profile: "ort-cpu",
    programs: [],
    caches: [],
    modalities: [],
    session: null,
    conditions: [],
    noise: [],
    weights: [],
    missing: [],
    ...members,
  });

describe.each(names)("%s", (_, name) => {
  test("as a graph or weights of a manifest", async () => {
    for (const [members, place] of [
      [{ programs: [program(name)] }, "programs[0].graph.file"],
      [{ weights: [weights(name)] }, "weights[0].file"],
    ] as const) {
      writeFileSync(join(folder, "manifest.json"), manifest(members));
      const { message } = await failureOf(() => openSession(folder));
      expect(message).toContain(`${place} must be a file name without a folder`);
    }
    expect(new Set(opened)).toEqual(new Set([join(folder, "manifest.json")]));
  });
  test("as a shard of an index", async () => {
    const index = join(folder, "model.safetensors.index.json");
    writeFileSync(index, JSON.stringify({ weight_map: { a: "x.safetensors", b: name } }));
    const { message } = await failureOf(() => openCheckpoint(folder));
    expect(message).toContain('"b" lies in ');
    expect(message).toContain("which is no plain file name");
    expect(message.length).toBeLessThan(1000);
    expect(opened).toEqual([index]);
  });
});
