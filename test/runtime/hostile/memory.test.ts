// The memory that hostile files take, each in a process of its own that may have no more: beside what Node takes by itself,
// at most four times the file and ALLOWANCE, whether the file is refused or, being sound, is read.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { page } from "../../robustness/page.ts";
import { entry, file, many } from "./file.ts";

const MIB = 2 ** 20;
/** What Node keeps for young objects, and what limits bound that are counts: a million keys or values. */
const ALLOWANCE = 128 * MIB;
const TIMES = 4;

const folder = mkdtempSync(join(tmpdir(), "graftwerk-memory-"));
const child = join(folder, "child.mjs");
beforeAll(async () => {
  const input = fileURLToPath(new URL("memory.child.ts", import.meta.url));
  const build = await rolldown({
    input,
    platform: "node",
    external: [/^(?:node:|onnxruntime-node|sharp)/],
    onLog: () => undefined,
  });
  await build.write({ file: child, format: "esm", codeSplitting: false });
  await build.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Found {
  readonly outcome: string;
  readonly before: number;
  readonly after: number;
  readonly milliseconds: number;
}
const run = (what: "checkpoint" | "manifest", name: string, size: number): Found => {
  const heap = Math.floor((TIMES * size + ALLOWANCE) / MIB);
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${heap}`, child, what, folder, name],
    { encoding: "utf8", timeout: 120_000 },
  );
  if (status !== 0) throw new Error(`ended with ${status ?? signal}: ${stderr.slice(0, 2000)}`);
  return JSON.parse(stdout) as Found;
};

const empty = (i: number, name = `t${i}`): string => `"${name}":${entry("U8", "[0]", 0, 0)}`;
const SIZE = 12 * MIB;
/** As many as make a text of about SIZE. */
const filled = (make: (i: number) => string): string => many(Math.floor(SIZE / (make(100_000).length + 1)), make);
const index = (text: string): Uint8Array => new TextEncoder().encode(text);

const cases: readonly (readonly [name: string, bytes: () => Uint8Array, outcome: RegExp])[] = [
  ["empty objects in an entry", () => file(`{"a":[${filled(() => "{}")}]}`, 0), /not described by an object/],
  ["empty lists in a shape", () => file(`{"a":{"shape":[${filled(() => "[]")}]}}`, 0), /not a list of sizes/],
  ["axes without end", () => file(`{"a":{"shape":[${filled(() => "1")}]}}`, 0), /more than 8 axes/],
  ["objects in metadata", () => file(`{"__metadata__":{"a":[${filled(() => "{}")}]}}`, 0), /that is no text/],
  [
    "metadata without end",
    () => file(`{"__metadata__":{${filled((i) => `"${i}":""`)}}}`, 0),
    /more than 100000 entries/,
  ],
  ["one text of metadata", () => file(`{"__metadata__":{"a":"${"x".repeat(SIZE)}"}}`, 0), /^0 tensors/],
  ["one name", () => file(`{"${"n".repeat(SIZE)}":1}`, 0), /not described by an object/],
  ["one name of escapes", () => file(`{"${"\\u0061".repeat(SIZE / 6)}":1}`, 0), /not described by an object/],
  ["one number", () => file(`{"a":{"shape":[${"1".repeat(SIZE)}]}}`, 0), /a number has \d+ characters/],
  ["nothing but spaces", () => file(`{${" ".repeat(SIZE)}`, 0), /a key in quotes expected/],
  ["many small tensors", () => file(`{${filled((i) => empty(i))}}`, 0), /^\d{6} tensors/],
  [
    "many small tensors, one of a wide name",
    () => file(`{${filled((i) => empty(i))},${empty(0, "層")}}`, 0),
    /^\d{6} ten/,
  ],
  [
    "many tensors of long names",
    () => file(`{${filled((i) => empty(i, `model.layers.${i}.self_attn.q`))}}`, 0),
    /^\d{6} ten/,
  ],
  [
    "many tensors in the wrong order",
    () => file(`{${filled((i) => `"t${i}":${entry("U8", "[1]", 200_000 - i, 200_001 - i)}`)}}`, 200_001),
    /a hole|overlaps|tensors/,
  ],
  ["a header of 2^40 bytes", () => file("{}", 0, 2n ** 40n), /more than the file/],
  ["an index of objects", () => index(`{"metadata":[${filled(() => "{}")}]}`), /no object `weight_map`/],
  ["an index of lists in lists", () => index(`{"metadata":[${filled(() => "[[[]]]")}]}`), /no object `weight_map`/],
  ["an index of members", () => index(`{"metadata":{${filled((i) => `"${i}":0`)}}}`), /no object `weight_map`/],
  [
    "an index of keys",
    () => index(`{"weight_map":{${filled((i) => `"${i}":"x"`)}}}`),
    /there is no such file|more than/,
  ],
  ["a manifest of objects", () => index(`{"programs":[${filled(() => "{}")}]}`), /more than 250000 objects and lists/],
  ["a manifest of lists", () => index(`{"programs":[${filled(() => "[]")}]}`), /more than 250000 objects and lists/],
  ["a manifest of numbers", () => index(`{"missing":[${filled(() => "0")}]}`), /more than 1000000 values/],
  ["a manifest of members", () => index(`{${filled((i) => `"${i}":0`)}}`), /more than 1000000 values/],
  ["a manifest of texts", () => index(`{"missing":[${filled(() => '"a name of a weight"')}]}`), /not a sound manifest/],
];

describe("memory is bounded by the file", () => {
  test.each(cases)("%s", (what, make, outcome) => {
    const kind = what.includes("manifest") ? "manifest" : "checkpoint";
    const name = kind === "manifest" ? "m.json" : what.includes("index") ? "m.safetensors.index.json" : "m.safetensors";
    writeFileSync(join(folder, name), make());
    const { size } = statSync(join(folder, name));
    const found = run(kind, name, size);
    expect(found.outcome.replace(/^refused: .*?: /, "")).toMatch(outcome);
    expect(found.after - found.before).toBeLessThan(TIMES * size + ALLOWANCE);
  });
  test("the page says how many there are", () =>
    expect(page).toContain(`| files whose memory is measured | ${cases.length + 1} |`));
  test("a file of a tebibyte, of which only the header is there", () => {
    const path = join(folder, "vast.safetensors");
    const header = `{"a":${entry("U8", `[${2 ** 40}]`, 0, 2 ** 40)}}`;
    writeFileSync(path, file(header, 0));
    truncateSync(path, 8 + header.length + 2 ** 40);
    const found = run("checkpoint", "vast.safetensors", 0);
    expect(found.outcome).toBe("1 tensors");
    expect(found.after - found.before).toBeLessThan(ALLOWANCE);
  });
});
