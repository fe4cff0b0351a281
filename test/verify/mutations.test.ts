// Every fault of the table is found in every model that has it. The sizes of the errors are a golden: one that changes
// says that the documents or weights see more, or less, than before.
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { prepare, verify } from "../../cli/verify/verify.ts";
import type { Verification } from "../../cli/verify/result.ts";
import { smallExample, type SmallModel, smallModels } from "./examples.ts";
import { mutations } from "./mutations.ts";

const golden = new URL("mutations.golden.txt", import.meta.url);
const options = { profiles: ["ort-cpu"], optimize: ["all"], failFast: true, trace: false, threads: 1 } as const;
const columns = new Map<SmallModel, readonly string[]>();

/** Of the first call that fails, the greatest NMSE as a power of ten; `error` where there is no number, `stray` where rows that are absent give some. */
const sizeOf = ({ checks }: Verification): string => {
  const failed = checks.filter(({ ok }) => !ok);
  const most = Math.max(...failed.map(({ nmse }) => nmse));
  if (failed.length === 0) return "MISSED";
  if (!Number.isFinite(most)) return "error";
  return failed.every(({ error }) => error !== undefined) ? "stray" : `1e${Math.floor(Math.log10(most))}`;
};

test.each(smallModels)("%s: every fault is found", { timeout: 120_000 }, async (name) => {
  const example = smallExample(name);
  const { model, sources } = example;
  const reference = prepare(model, options);
  const sound = await verify(model, sources, { ...options, reference });
  expect(sound).toMatchObject({ verdict: "passed", dull: [] });
  const column: string[] = [];
  for (const mutation of mutations) {
    const subject = mutation.of(example);
    if (subject === undefined) column.push("-");
    else column.push(sizeOf(await verify(model, sources, { ...options, reference, subject })));
  }
  columns.set(name, column);
  expect(mutations.filter((_, i) => column[i] === "MISSED").map((mutation) => mutation.name)).toEqual([]);
});

test("the table of errors is the golden one", () => {
  const width = Math.max(...mutations.map(({ name }) => name.length));
  const line = (title: string, cells: readonly string[]): string =>
    [title.padEnd(width), ...cells.map((cell, i) => cell.padEnd(smallModels[i]!.length))].join("  ").trimEnd();
  const rows = mutations.map((mutation, i) =>
    line(
      mutation.name,
      smallModels.map((name) => columns.get(name)![i]!),
    ),
  );
  const table = `${[line("", smallModels), ...rows].join("\n")}\n`;
  if (process.env["UPDATE"] === "1") writeFileSync(golden, table);
  expect(table).toBe(readFileSync(golden, "utf8"));
});
