// Pictures: one golden, well-formed text for every example and for names that mean something to XML, and the rows that a
// picture shows for each matrix are those of the lowered graph.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Model } from "../../compiler/analyze/model.ts";
import { inspect } from "../../compiler/inspect/index.ts";
import { svg } from "../../compiler/inspect/svg.ts";
import { escaped } from "../../compiler/inspect/svgElement.ts";
import { matricesOf } from "../../compiler/inspect/svgMatrices.ts";
import { planOf } from "../../compiler/rows/phase.ts";
import { meetingOf, sorted } from "../../compiler/rows/walk.ts";
import { inside } from "../cli/inside.ts";
import { specify } from "../reference/run.ts";

const text = (file: string): string =>
  readFileSync(new URL(`../../examples/${file}/${file}.graft`, import.meta.url), "utf8");
const examples = [
  ["llama", "LlamaModel"],
  ["xfusion", "SingleTower"],
  ["xfusion", "GatedLayer"],
  ["xfusion", "DualProjection"],
  ["xfusion", "DualTower"],
  ["xfusion", "XFuse"],
  ["xfusion", "DualTowerDiT"],
  ["xfusion", "DualTower1B"],
  ["xfusion", "DualTowerDiT1B"],
  ["lmfusion", "LMFusion"],
  ["lmfusion", "LMFusion8B"],
] as const;
const models = examples.map(([file, name]) => [name, specify(text(file), name).model] as const);
const modelOf = (name: string): Model => models.find(([each]) => each === name)![1];

/** Tags nest and close, attributes are quoted, text holds no bare `<` or `&`. @returns what is wrong */
const faultOf = (xml: string): string | undefined => {
  const open: string[] = [];
  const token = /<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  for (let at = 0; at < xml.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(xml);
    if (found === null) return `at ${at}: ${xml.slice(at, at + 40)}`;
    const [, closing, tag, attributes = "", alone, between = ""] = found;
    if (/&(?!#\d+;)/.test(attributes + between)) return `a bare & in ${found[0]}`;
    if (tag === undefined) continue;
    if (closing && open.pop() !== tag) return `</${tag}> closes another`;
    if (!closing && !alone) open.push(tag);
  }
  return open.length > 0 ? `${open.join()} not closed` : undefined;
};

test("the judge of well-formed text finds faults", () => {
  for (const wrong of ["<a>", "<a></b>", '<a b="1>', "<a>&</a>", "<a><<</a>"]) expect(faultOf(wrong)).toBeDefined();
  expect(faultOf('<a b="1"><b/>x</a>')).toBeUndefined();
});

test("golden: DualTower", async () => {
  await expect(svg(modelOf("DualTower"))).toMatchFileSnapshot("golden/DualTower.svg");
});

test.each([
  ["dual-tower", "DualTower"],
  ["lmfusion", "LMFusion"],
])("docs/pictures/%s.svg is current", async (file, name) => {
  await expect(svg(modelOf(name))).toMatchFileSnapshot(`../../docs/pictures/${file}.svg`);
});

test.each(models)("%s: well-formed, finite, the same again", (_, model) => {
  const drawn = svg(model);
  expect(faultOf(drawn)).toBeUndefined();
  expect(drawn).not.toMatch(/NaN|Infinity|undefined|\[object/);
  expect(drawn).not.toMatch(/href|url\(|<script|<style|@import/);
  expect(svg(model)).toBe(drawn);
});

test.each(models)("%s: the squares are the rows of the lowered graph", (name, model) => {
  const plan = planOf(model);
  const phase = plan.phases.findLast((each) => each.kind === "forward")!;
  const { rows } = inspect(model).programs[phase.name]!;
  let compared = 0;
  for (const seq of sorted([model.h])) {
    if (seq.op !== "call" && seq.op !== "joint") continue;
    if (!phase.demand.streams.has(seq)) continue;
    for (const { call } of meetingOf(model, seq)) {
      const { before, after } = matricesOf(model, seq, call, phase, plan.streams);
      for (const { names, streams } of [...before, ...after]) {
        if (streams === undefined) continue;
        for (const weight of names) {
          const applied = rows[`${call.attrs.block.path}.${weight}`];
          // A weight that two towers share has the rows of both, under one of their names.
          if (applied === undefined || name === "DualProjection") continue;
          const shown = streams.map((i) => plan.streams[i]!.name);
          expect([weight, ...shown].join(), call.attrs.block.path).toBe([weight, ...sortedAs(plan, applied)].join());
          compared++;
        }
      }
    }
  }
  if (name !== "DualProjection") expect(compared).toBeGreaterThan(10);
});
const sortedAs = (plan: ReturnType<typeof planOf>, names: readonly string[]): string[] =>
  plan.streams.map(({ name }) => name).filter((name) => names.includes(name));

test("`inspect --svg` writes the picture, and says where it cannot", async () => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-svg-"));
  try {
    const file = join(folder, "dual.svg");
    const call = ["inspect", "examples/xfusion/xfusion.graft", "--model", "DualTower", "--svg"];
    const { status, stdout, stderr } = await inside([...call, file, "--json"]);
    expect([status, stderr]).toEqual([0, `${file}: written\n`]);
    const json = JSON.parse(stdout) as { schema: string; svg: string };
    expect([json.schema, json.svg]).toEqual(["graftwerk/inspect@1", file]);
    expect(readFileSync(file, "utf8")).toBe(svg(modelOf("DualTower")));
    const lost = await inside([...call, join(folder, "none", "dual.svg")]);
    expect([lost.status, lost.stdout]).toEqual([3, ""]);
    expect(lost.stderr).toContain("cannot be written");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a tower with a mask of its own has a grid of its own, and a row without use ends in the last attention", () => {
  const [head, rest] = text("xfusion").split("model DualTower(") as [string, string];
  const spec = rest
    .replace("image.patch: v(h, c: c) }", "image.patch: v(h, c: c) sees image.patch }")
    .replace("mask = causal", "mask = (query is und and key is image.open) or causal");
  const drawn = svg(specify(`${head}model DualTower(${spec}`, "DualTower").model);
  expect(faultOf(drawn)).toBeUndefined();
  expect(drawn.match(/>Who sees whom</g)).toHaveLength(2);
  expect(drawn).toContain(">h[image.open] = not needed<");
  expect(drawn).toContain(">fuse[0..1]<");
});

describe("hostile names", () => {
  test("in documentation and tokens", () => {
    const doc = '/// </desc><script>alert("x")</script> & ]]> <!-- \u202e \'\n';
    const spec = text("xfusion")
      .replace(/\/\/\/ The paper's design[^\n]*\n/, doc)
      .replaceAll("<boi>", "<&\\\"'>");
    const drawn = svg(specify(spec, "DualTower").model);
    expect(faultOf(drawn)).toBeUndefined();
    expect(drawn).not.toContain("<script");
    expect(drawn).toContain("&#60;script&#62;");
  });
  test("as long as names may be", () => {
    const long = "n".repeat(256);
    const drawn = svg(specify(text("xfusion").replaceAll("fuse", long), "DualTower").model);
    expect(faultOf(drawn)).toBeUndefined();
    expect(drawn).not.toContain("n".repeat(200));
  });
  test("what XML forbids is replaced", () => {
    expect(escaped("a\u0000b\u0007\ufffe\ud800<&>\"'")).toBe("a\ufffdb\ufffd\ufffd\ufffd&#60;&#38;&#62;&#34;&#39;");
  });
});
