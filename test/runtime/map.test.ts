// Checkpoint maps on small tensors whose numbers say where they stood.
import { describe, expect, test } from "vitest";
import { applyLayout, keysOf, type Layout, shapeOfLayout } from "../../runtime/weights/map.ts";

const count = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);
const shapes: Readonly<Record<string, readonly number[]>> = { a: [2, 3], b: [2, 1], c: [6], d: [2, 3, 4], e: [] };
const read = (key: string) => {
  const shape = shapes[key]!;
  return { shape, data: Float32Array.from({ length: count(shape) }, (_, i) => i + (key === "b" ? 100 : 0)) };
};
const key = (name: string): Layout => ({ kind: "key", key: name });
const a = key("a");

test.each<[string, Layout, readonly number[], readonly number[]]>([
  ["a key", a, [2, 3], [0, 1, 2, 3, 4, 5]],
  ["a scalar", key("e"), [], [0]],
  ["concat of rows", { kind: "concat", axis: 0, of: [a, a] }, [4, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]],
  ["concat of columns", { kind: "concat", axis: 1, of: [a, key("b")] }, [2, 4], [0, 1, 2, 100, 3, 4, 5, 101]],
  ["split of rows", { kind: "split", axis: 0, parts: 2, take: 1, of: a }, [1, 3], [3, 4, 5]],
  ["split of columns", { kind: "split", axis: 1, parts: 3, take: 2, of: a }, [2, 1], [2, 5]],
  ["transpose", { kind: "transpose", of: a }, [3, 2], [0, 3, 1, 4, 2, 5]],
  ["reshape", { kind: "reshape", shape: [3, 2], of: a }, [3, 2], [0, 1, 2, 3, 4, 5]],
  ["permute is transpose", { kind: "permute", axes: [1, 0], of: a }, [3, 2], [0, 3, 1, 4, 2, 5]],
  [
    "permute of three axes",
    { kind: "permute", axes: [2, 0, 1], of: key("d") },
    [4, 2, 3],
    [0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23],
  ],
  ["one in another", { kind: "split", axis: 0, parts: 3, take: 1, of: { kind: "transpose", of: a } }, [1, 2], [1, 4]],
])("%s", (_, layout, shape, data) => {
  expect(shapeOfLayout(layout, (name) => shapes[name]!)).toEqual(shape);
  const found = applyLayout(layout, read);
  expect([found.shape, [...found.data]]).toEqual([shape, data]);
});

describe("what does not fit is said", () => {
  test.each<[Layout, RegExp]>([
    [{ kind: "concat", axis: 0, of: [a, key("b")] }, /\[2, 3\] and \[2, 1\] cannot be joined along axis 0/],
    [{ kind: "concat", axis: 2, of: [a, a] }, /along axis 2/],
    [{ kind: "split", axis: 1, parts: 2, take: 0, of: a }, /\[2, 3\] has no part 0 of 2 along axis 1/],
    [{ kind: "split", axis: 1, parts: 3, take: 3, of: a }, /no part 3 of 3/],
    [{ kind: "transpose", of: key("c") }, /\[6\] has no two axes/],
    [{ kind: "reshape", shape: [4], of: a }, /\[2, 3\] cannot be reshaped to \[4\]/],
    [{ kind: "permute", axes: [0, 0], of: a }, /has no axes 0, 0/],
    [{ kind: "transpose", of: { kind: "reshape", shape: [4], of: a } }, /reshaped/],
  ])("%j", (layout, reason) => {
    const found = shapeOfLayout(layout, (name) => shapes[name]!);
    expect("misfit" in found && found.misfit).toMatch(reason);
  });
});

test("keys are those of every part, in order", () => {
  expect(keysOf({ kind: "concat", axis: 0, of: [{ kind: "transpose", of: a }, key("b")] })).toEqual(["a", "b"]);
});
