// A model of too many programs is refused before any is made; a session that leaves modalities out makes none for them.
import { expect, test } from "vitest";
import { check } from "../../compiler/index.ts";
import { excessOf, MOST_PROGRAMS } from "../../compiler/rows/limit.ts";
import { planOf } from "../../compiler/rows/phase.ts";
import { modelMistakes } from "../analyze/mistakes/models.ts";
import { unmarked } from "../analyze/mistakes/written.ts";

const { text, fixed } = modelMistakes.find(({ name }) => name === "more sorts of rows than there may be programs for")!;
const modelOf = (spec: string) => {
  const checked = check("m.graft", (path) => (path === "m.graft" ? spec : undefined));
  const model = checked.model("Swap");
  return { model, codes: checked.report.found.map(({ code }) => code) };
};
/** Without the films from number `first` on. */
const upTo = (first: number): string =>
  unmarked(text)
    .split("\n")
    .filter((line) => ![...line.matchAll(/^ {2}(?:modality film|embed film)(\d)/g)].some(([, n]) => Number(n) >= first))
    .join("\n")
    .replace(
      /group film = (.*)/,
      (_, kinds: string) =>
        `group film = ${kinds
          .split(", ")
          .slice(0, first - 1)
          .join(", ")}`,
    );

test("up to the limit there are as many programs as it says, and beyond it none is made", () => {
  for (let films = 1; films <= 7; films++) {
    const { model, codes } = modelOf(upTo(films + 1));
    if (model === undefined) {
      expect(codes).toEqual(["limit-programs"]);
      expect(films).toBeGreaterThan(4);
      continue;
    }
    expect(excessOf(model)).toBeUndefined();
    expect(planOf(model).phases.length).toBeLessThanOrEqual(MOST_PROGRAMS);
  }
  expect(modelOf(upTo(8)).codes).toEqual(["limit-programs"]);
});
test("a session that leaves modalities out makes no programs of them", () => {
  const { model } = modelOf(fixed!);
  const names = planOf(model!).phases.map(({ name }) => name);
  expect(names).toContain("prefill(text, image)");
  expect(names.filter((name) => name.includes("film"))).toEqual([]);
  expect(names.length).toBeLessThan(10);
});
