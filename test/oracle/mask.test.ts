// Masks as pictures: a line a query, a column a key, `x` where the query sees the key.
import { expect, test } from "vitest";
import type { DocumentRow, Mask } from "../../compiler/analyze/model.ts";
import { isHidden, sees } from "../../compiler/oracle/mask.ts";
import { places } from "../../compiler/oracle/place.ts";
import { all, and, causal, document, key, model, not, or, query, within } from "./build.ts";

function picture(mask: Mask, letters: string, start?: number): readonly string[] {
  const rows = places(model({}), document(letters, { start }));
  return rows.map((q) => rows.map((k) => (sees(mask, q, k) ? "x" : ".")).join(""));
}

test("causal sees places up to its own, wherever positions start", () => {
  expect(picture(causal, "t[p]")).toEqual(["x...", "xx..", "xxx.", "xxxx"]);
  expect(picture(causal, "t[p]", 100)).toEqual(picture(causal, "t[p]"));
});

test("within patches: the patches of one image only; two images stay apart", () => {
  expect(picture(within("image.patch"), "t[pp][pp]")).toEqual([
    ".........",
    ".........",
    "..xx.....",
    "..xx.....",
    ".........",
    ".........",
    "......xx.",
    "......xx.",
    ".........",
  ]);
});

test("within a whole span: its markers too", () => {
  expect(picture(within("image.open", "image.patch", "image.close"), "t[pp][p]")).toEqual([
    "........",
    ".xxxx...",
    ".xxxx...",
    ".xxxx...",
    ".xxxx...",
    ".....xxx",
    ".....xxx",
    ".....xxx",
  ]);
});

test("a text row is a span of its own, and no span of another modality", () => {
  expect(picture(within("text"), "tt[p]")).toEqual(["x....", ".x...", ".....", ".....", "....."]);
  expect(picture(within("text", "image.patch"), "tt[p]")).toEqual(["x....", ".x...", ".....", "...x.", "....."]);
});

test("query and key name kinds", () => {
  expect(picture(query("image.patch"), "t[p]")).toEqual(["....", "....", "xxxx", "...."]);
  expect(picture(key("text", "image.close"), "t[p]")).toEqual(["x..x", "x..x", "x..x", "x..x"]);
});

test("and, or, not, all", () => {
  expect(picture(or(causal, within("image.patch")), "t[pp]t")).toEqual([
    "x.....",
    "xx....",
    "xxxx..",
    "xxxx..",
    "xxxxx.",
    "xxxxxx",
  ]);
  expect(picture(and(causal, not(key("image.open"))), "t[p]")).toEqual(["x...", "x...", "x.x.", "x.xx"]);
  expect(picture(not(causal), "ttt")).toEqual([".xx", "..x", "..."]);
  expect(picture(all, "t[")).toEqual(["xx", "xx"]);
});

/** What `causal or within(image.patch)` leaves of `t[pp]t[pp]`, with something told of the rows of each patch. */
function told(of: (row: DocumentRow) => DocumentRow): readonly string[] {
  const { rows, ...rest } = document("t[pp]t[pp]");
  const patched = rows.map((row) => (row.kind === "image.patch" ? of(row) : row));
  const all = places(model({}), { ...rest, rows: patched });
  const mask = or(causal, within("image.patch"));
  return all.map((q) => all.map((k) => (sees(mask, q, k) && !isHidden(q, k) ? "x" : ".")).join(""));
}

test("a draft is seen by its own rows, and by no rows behind it, another draft's least of all", () => {
  expect(told((row) => ({ ...row, draft: true }))).toEqual([
    "x.........",
    "xx........",
    "xxxx......",
    "xxxx......",
    "xx..x.....",
    "xx..xx....",
    "xx..xxx...",
    "xx..xxxxx.",
    "xx..xxxxx.",
    "xx..xxx..x",
  ]);
});

test("a row that is told of kinds sees none of them before it; others see what they saw", () => {
  expect(told((row) => (row.span === 1 ? { ...row, unseen: ["text"] } : row))).toEqual([
    "x.........",
    "xx........",
    "xxxx......",
    "xxxx......",
    "xxxxx.....",
    "xxxxxx....",
    "xxxxxxx...",
    ".xxxx.xxx.",
    ".xxxx.xxx.",
    "xxxxxxxxxx",
  ]);
});
