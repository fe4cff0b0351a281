// What TypeScript says of programs that use bindings: nothing of those that use them rightly, and of each misuse one
// thing, at its place.
import { beforeAll, describe, expect, test } from "vitest";
import { conditional, everything, pictured, textual } from "./consumers.ts";
import { conditioned, described, small } from "./manifests.ts";
import { misuses, withMark } from "./misuses.ts";
import { checked, type Mistake } from "./program.ts";

let found: ReadonlyMap<string, readonly Mistake[]>;
beforeAll(() => {
  const models = [...small.map(([example, model]) => described(example, model)), conditioned()];
  found = checked(models, {
    ...Object.fromEntries(models.map(({ manifest }) => [`${manifest.model}/everything.mts`, everything(manifest)])),
    "LlamaModel/use.mts": textual,
    "DualTower/use.mts": pictured,
    "Tiny4/use.mts": conditional,
    ...Object.fromEntries(misuses.map(([name, text], i) => [`DualTower/misuse-${i}.mts`, withMark(name, text).text])),
  });
});

describe("nothing is wrong with", () => {
  test.each(small)("the bindings of %s, %s", (_, model) => {
    expect(found.get(`${model}/model.d.mts`)).toEqual([]);
  });
  test.each(small)("a program that uses all of %s, %s", (_, model) => {
    expect(found.get(`${model}/everything.mts`)).toEqual([]);
  });
  test.each(["LlamaModel", "DualTower", "Tiny4"])("a program that uses sessions of %s", (model) => {
    expect(found.get(`${model}/use.mts`)).toEqual([]);
  });
});

describe("one thing is wrong with", () => {
  test.each(misuses.map((misuse, i) => [...misuse, i] as const))("%s", (name, text, message, i) => {
    const { at } = withMark(name, text);
    const mistakes = found.get(`DualTower/misuse-${i}.mts`)!;
    expect(mistakes.map((mistake) => [mistake.at, message.test(mistake.message)])).toEqual([[at, true]]);
  });
});
