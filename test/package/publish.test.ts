// What breaks for users of other tools, found in the packed tarball: publint and are-the-types-wrong.
import { readFileSync } from "node:fs";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { beforeAll, expect, test } from "vitest";
import { packed } from "./packed.ts";

let tarball: Uint8Array<ArrayBuffer>;
beforeAll(() => {
  tarball = new Uint8Array(readFileSync(packed().tarball));
}, 180_000);

test("publint finds nothing", async () => {
  const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

/**
 * The profile `esm-only`: the package has modules alone, which every Node that it supports also takes by `require`; what
 * reads no `exports`, or no modules, cannot use it, and has no types to get wrong.
 */
const ELSEWHERE = ["node10", "node16-cjs"];

test("are-the-types-wrong finds nothing", async () => {
  const analysis = await checkPackage(createPackageFromTarballData(tarball));
  expect(analysis.types).toEqual({ kind: "included" });
  if (!analysis.types) return;
  for (const name of ["grammar", "compiler", "runtime"]) {
    const { resolutions } = analysis.entrypoints[`./${name}`]!;
    for (const kind of ["node16-esm", "bundler"] as const)
      expect(resolutions[kind].resolution?.fileName).toMatch(new RegExp(`/dist/${name}/index\\.d\\.ts$`));
  }
  const problems = analysis.problems.filter(
    (problem) => !("resolutionKind" in problem && ELSEWHERE.includes(problem.resolutionKind)),
  );
  expect(problems).toEqual([]);
});
