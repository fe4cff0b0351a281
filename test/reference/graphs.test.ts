// Every emitted graph has passed onnx.checker, with full check and strict shape inference: its hash is in the report that
// check_onnx.py wrote. A graph that is not there must be checked first; README.md says how.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { emitAll, examples } from "./graphs.ts";

interface Report {
  readonly onnx: string;
  readonly graphs: Readonly<Record<string, { readonly name: string; readonly ok: boolean; readonly message: string }>>;
}
const report = JSON.parse(readFileSync(new URL("onnx-report.json", import.meta.url), "utf8")) as Report;
/** A folder to write the graphs to, for check_onnx.py. */
const folder = process.env["GRAPHS"];

test.each(examples)("%s", { timeout: 300_000 }, (example) => {
  const unknown: string[] = [];
  let count = 0;
  for (const { name, sha256, model } of emitAll(example)) {
    count++;
    if (folder !== undefined) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, model);
    } else if (report.graphs[sha256]?.ok !== true) unknown.push(name);
  }
  expect(count).toBeGreaterThan(0);
  expect(unknown).toEqual([]);
});
