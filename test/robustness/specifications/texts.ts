// The texts that are changed: right ones (the examples, random specifications), and those of the table of mistakes, wrong
// and mended. Each has one layer where it may, for deep models make no other mistakes than flat ones, slowly.
import { readFileSync } from "node:fs";
import { check } from "../../../compiler/index.ts";
import { draw } from "../../property/draw.ts";
import { print } from "../../property/print.ts";
import { argumentMistakes } from "../../analyze/mistakes/arguments.ts";
import { declarationMistakes } from "../../analyze/mistakes/declarations.ts";
import { modelMistakes } from "../../analyze/mistakes/models.ts";
import { newcomer } from "../../analyze/mistakes/newcomer.ts";
import { rowMistakes } from "../../analyze/mistakes/rows.ts";
import { sequenceMistakes } from "../../analyze/mistakes/sequences.ts";
import { weightMistakes } from "../../analyze/mistakes/weights.ts";
import { alone, dual, own, unmarked } from "../../analyze/mistakes/written.ts";

const isRight = (text: string): boolean => {
  const checked = check("main.graft", (path) => (path === "main.graft" ? text : undefined));
  checked.checkAll();
  return !checked.report.failed && checked.models.length > 0;
};
const flat = (text: string): string => text.replace(/\bL( ?[:=] ?)[2-9]\b/g, "L$11");

const mistakes = [
  newcomer,
  declarationMistakes,
  argumentMistakes,
  weightMistakes,
  rowMistakes,
  sequenceMistakes,
  modelMistakes,
].flat();
/** Of mistakes that need no other file. */
const mended = mistakes.flatMap(({ fixed, files }) => (fixed === undefined || files ? [] : [unmarked(fixed)]));
const mistaken = mistakes.flatMap(({ text, files }) => (files ? [] : [flat(unmarked(text))]));

const example = (name: string): string =>
  readFileSync(new URL(`../../../examples/${name}/${name}.graft`, import.meta.url), "utf8")
    // models of public sizes
    .replace(/\n(?:\/\/\/.*\n)?model \w+(?:1B|8B) = .*\n/g, "\n");

const LONGEST_DRAWN = 2500;
const drawn = Array.from({ length: 100 }, (_, seed) => print(draw(seed))).filter((t) => t.length < LONGEST_DRAWN);

const right = (texts: readonly string[]): readonly string[] => [...new Set(texts.map(flat))].filter(isRight);
const pools: readonly (readonly [share: number, texts: readonly string[]])[] = [
  [50, right([alone, own, example("llama")])],
  [15, right(mended)],
  [15, mistaken],
  [12, right([dual, example("lmfusion")])],
  [7, right(drawn)],
  [1, right([example("xfusion")])],
];

/** A hundred places, so that one in a hundred mutations is of the largest text. */
export const pooled: readonly (readonly string[])[] = pools.flatMap(([share, texts]) =>
  Array.from({ length: share }, () => texts),
);
