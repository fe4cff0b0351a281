// Laws 1 to 3 of the language on hand-made models, and how sequences are put together.
import { describe, expect, test } from "vitest";
import type { Mask, Seq, Weight } from "../../compiler/analyze/model.ts";
import {
  add,
  all,
  block,
  call,
  causal,
  document,
  embed,
  h0,
  joint,
  key,
  map,
  mul,
  number,
  or,
  parameter,
  patch,
  plainBlock,
  restrict,
  row,
  rowsOf,
  run,
  seeded,
  select,
  und,
  union,
  weight,
  within,
} from "./build.ts";

const [a, b] = [plainBlock("a"), plainBlock("b")];
const documents = ["t[pppppp]t", "ttt", "[p][pp]", "tt[ppp]t[pp]t"];
const masks: readonly (readonly [string, Mask])[] = [
  ["causal", causal],
  ["all", all],
  ["causal or within patches", or(causal, within(...patch))],
  ["within spans", within("text", "image.open", ...patch, "image.close")],
];
function same(left: Seq, right: Seq, mask: Mask): void {
  for (const letters of documents) expect(rowsOf(left, letters, mask), letters).toEqual(rowsOf(right, letters, mask));
}

describe.each(masks)("under %s", (_, mask) => {
  test("1: select and joint of one block are the block, bit for bit", () => {
    same(select([und, call(b, h0)], [patch, call(b, h0)]), call(b, h0), mask);
    same(joint([und, call(b, h0)], [patch, call(b, h0)]), call(b, h0), mask);
  });
  test("2: arms that see only themselves are alone", () => {
    const sees = [
      [und, call(a, h0, key(...und))],
      [patch, call(b, h0, key(...patch))],
    ] as const;
    const apart = union(call(a, restrict(h0, ...und)), call(b, restrict(h0, ...patch)));
    same(joint(...sees), apart, mask);
    same(select(...sees), apart, mask);
  });
  test("3: restriction, union and row-wise functions", () => {
    const [left, right] = [restrict(call(a, h0), ...und), restrict(call(b, h0), ...patch)];
    same(restrict(union(left, right), ...und), left, mask);
    same(restrict(union(left, right), ...patch), right, mask);
    const f = (of: Seq): Seq => map(row("tanh", [mul(parameter(0, 4), weight("g", [4]))], {}, [4]), of);
    same(f(union(left, right)), union(f(left), f(right)), mask);
    same(union(restrict(h0, ...patch), restrict(h0, ...und)), h0, mask);
  });
  test("unlike arms are unlike their parts: the laws above say something", () => {
    const routed = (op: typeof select): Seq => op([und, call(a, h0)], [patch, call(b, h0)]);
    const rows = rowsOf(routed(select), "t[pp]t", mask);
    expect(rows).not.toEqual(rowsOf(call(a, h0), "t[pp]t", mask));
    if (mask.op !== "within") expect(rows).not.toEqual(rowsOf(routed(joint), "t[pp]t", mask));
  });
});

describe("sequences", () => {
  test("a restriction has no other rows, and a block on it sees no other rows", () => {
    const rows = rowsOf(call(a, restrict(h0, ...und)), "t[p]");
    expect(rows.map((r) => r !== undefined)).toEqual([true, true, false, true]);
    expect([0, 1, 3].map((n) => rows[n])).toEqual([0, 1, 3].map((n) => rowsOf(call(a, h0, key(...und)), "t[p]")[n]));
  });
  test("X-Fuse: a weighted sum of two calls on some rows", () => {
    const [l, v] = [call(a, h0), call(b, h0)];
    const fused = map(add(mul(number(0.25), parameter(0, 4)), mul(number(2), parameter(1, 4))), l, v);
    const rows = rowsOf(select([und, fused], [patch, v]), "t[p]");
    const [ls, vs] = [rowsOf(l, "t[p]"), rowsOf(v, "t[p]")];
    expect(rows[2]).toEqual(vs[2]);
    for (const n of [0, 1, 3])
      expect([...rows[n]!]).toEqual([...ls[n]!].map((value, i) => 0.25 * value + 2 * vs[n]![i]!));
  });
  test("further arguments of a call are read at the same row; an absent one may not be read", () => {
    const body = mul(parameter(0, 4), parameter(1, 4));
    const conditioned = { ...call(block("c", body, [], 2), h0) };
    const with1 = (second: Seq | undefined): Seq => ({
      ...conditioned,
      attrs: { ...conditioned.attrs, arguments: [h0, second] },
    });
    const rows = rowsOf(h0, "t[p]");
    expect(rowsOf(with1(h0), "t[p]").map((r) => [...r!])).toEqual(
      rows.map((r) => [...r!].map((value) => value * value)),
    );
    expect(() => rowsOf(with1(undefined), "t[p]")).toThrow("internal: row 0 (text) has no argument 1");
  });
  test("heads keep the row's kind: rows by index, in order, of the head's kinds only", () => {
    const value = map(row("sum", [parameter(0, 4)], {}, []), restrict(h0, "text", "image.patch"));
    const { heads, steps } = run({ heads: [value] }, document("t[pp]t"));
    expect(heads).toHaveLength(1);
    expect(heads[0]).toMatchObject({ modality: "text", kind: "next_token" });
    expect([...heads[0]!.rows.keys()]).toEqual([0, 2, 3, 5]);
    for (const [n, [value]] of heads[0]!.rows)
      expect(value).toBeCloseTo(
        steps[0]!.rows[n]!.reduce((x, y) => x + y),
        14,
      );
  });
  test("every step is given, by path", () => {
    const first = call(a, h0);
    const { steps } = run({ steps: [first, call(b, first)] }, document("t[p]"));
    expect(steps.map(({ path }) => path)).toEqual(["fuse[0]", "fuse[1]"]);
    expect(steps[0]!.rows).toEqual(rowsOf(first, "t[p]"));
  });
  test("a document without rows gives no rows", () => {
    expect(rowsOf(joint([und, call(a, h0)], [patch, call(b, h0)]), "")).toEqual([]);
  });
  test("values that are not numbers go where they flow, and nowhere else", () => {
    const doc = document("tt[p]t");
    const rows = doc.rows.map((r) => (r.kind === "image.patch" ? { ...r, values: { z: Float32Array.of(NaN, 1) } } : r));
    const { last } = run({ steps: [call(a, h0)] }, { ...doc, rows });
    expect(last.map((r) => Number.isNaN(r![0]))).toEqual([false, false, false, true, true, true]);
  });
});

describe("depth", () => {
  const shift = map(add(parameter(0, 4), number(1)), h0);
  const deep = (levels: number): Seq[] => {
    const steps = [shift];
    while (steps.length < levels) steps.push(map(shift.op === "map" ? shift.attrs.body : number(0), steps.at(-1)!));
    return steps;
  };
  test("4,096 steps", () => {
    const { steps } = run({ steps: deep(4096) }, document("t"));
    expect(steps.at(-1)!.rows[0]![0]).toBeCloseTo(rowsOf(h0, "t")[0]![0]! + 4096, 9);
  });
  test("20,000 sequences in one step", () => {
    expect(rowsOf(deep(20_000).at(-1)!, "t")[0]![0]).toBeCloseTo(rowsOf(h0, "t")[0]![0]! + 20_000, 9);
  });
  test("1,024 blocks in one step", () => {
    let value: Seq = embed(h0.shapes);
    for (let n = 0; n < 1024; n++) value = call(a, value);
    const small = (w: Weight): Float32Array => seeded(w).map((x) => x / 100);
    const { last } = run({ steps: [value] }, document("t[p]"), small);
    expect(last.every((r) => r!.every((x) => Number.isFinite(x) && x !== 0))).toBe(true);
  });
  test("a value used twice is computed once: 60 doublings", () => {
    let value: Seq = shift;
    for (let n = 0; n < 60; n++) value = map(mul(number(0.5), add(parameter(0, 4), parameter(1, 4))), value, value);
    expect(rowsOf(value, "t")).toEqual(rowsOf(shift, "t"));
  });
});
