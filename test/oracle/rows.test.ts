// Row-wise ops against formulas written out here, one op a test.
import { describe, expect, test } from "vitest";
import type { Row, RowOp, RowOps } from "../../compiler/analyze/model.ts";
import {
  add,
  argument,
  document,
  embed,
  h0,
  id,
  kinds,
  linear,
  map,
  mul,
  number,
  row,
  run,
  valueOf,
  weight,
} from "./build.ts";

const x4 = Float32Array.of(0.5, -1.25, 2, 0.75);
const x = argument("x", 4);
const heads = argument("x", 2, 2);
const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got.length).toBe(want.length);
  got.forEach((value, i) => expect(Math.abs(value - want[i]!)).toBeLessThanOrEqual(1e-14 * (1 + Math.abs(want[i]!))));
};
/** an op of one operand [4] to [4] */
const on4 = <K extends RowOp>(op: K, attrs: RowOps[K], of: Row = x): number[] =>
  valueOf(row(op, [of], attrs, of.shape) as Row, { x: x4 });

describe("pointwise", () => {
  const two = Float32Array.of(2, 0.5, -1, 4);
  const pair = (op: "add" | "sub" | "mul" | "div" | "min" | "max"): number[] =>
    valueOf(row(op, [x, argument("y", 4)], {}, [4]), { x: x4, y: two });
  test("two operands of one shape", () => {
    close(pair("add"), [2.5, -0.75, 1, 4.75]);
    close(pair("sub"), [-1.5, -1.75, 3, -3.25]);
    close(pair("mul"), [1, -0.625, -2, 3]);
    close(pair("div"), [0.25, -2.5, -2, 0.1875]);
    close(pair("min"), [0.5, -1.25, -1, 0.75]);
    close(pair("max"), [2, 0.5, 2, 4]);
  });
  test("a scalar on either side; [d] with [heads, d]", () => {
    close(valueOf(row("sub", [number(1), x], {}, [4]), { x: x4 }), [0.5, 2.25, -1, 0.25]);
    close(valueOf(row("sub", [x, number(1)], {}, [4]), { x: x4 }), [-0.5, -2.25, 1, -0.25]);
    close(valueOf(mul(heads, argument("y", 2)), { x: x4, y: Float32Array.of(2, 10) }), [1, -12.5, 4, 7.5]);
  });
  test("one operand", () => {
    const xs = [...x4];
    close(
      on4("neg", {}),
      xs.map((v) => -v),
    );
    close(on4("exp", {}), xs.map(Math.exp));
    close(on4("tanh", {}), xs.map(Math.tanh));
    close(
      on4("sigmoid", {}),
      xs.map((v) => 1 / (1 + Math.exp(-v))),
    );
    close(
      on4("silu", {}),
      xs.map((v) => v / (1 + Math.exp(-v))),
    );
    close(on4("relu", {}), [0.5, 0, 2, 0.75]);
    close(on4("sqrt", {}, mul(x, x)), [0.5, 1.25, 2, 0.75]);
    close(
      on4("log", {}, mul(x, x)),
      xs.map((v) => 2 * Math.log(Math.abs(v))),
    );
    close(
      on4("gelu_tanh", {}),
      xs.map((v) => (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))),
    );
    // Phi at 0.5, -1.25, 2, 0.75: tables of the normal distribution
    const phi = [0.6914624612740131, 0.1056497736668553, 0.9772498680518208, 0.7733726476231317];
    on4("gelu", {}).forEach((value, i) => expect(value).toBeCloseTo(x4[i]! * phi[i]!, 13));
    close(on4("stop_gradient", {}), xs);
  });
  test("what is not a number stays so", () => {
    expect(valueOf(row("relu", [x], {}, [1]), { x: Float32Array.of(NaN, Infinity, -Infinity, 0) })).toEqual([
      NaN,
      Infinity,
      0,
      0,
    ]);
    expect(valueOf(row("min", [argument("a"), number(0)], {}, []), { a: NaN })).toEqual([NaN]);
  });
});

describe("norms and reductions", () => {
  const small = Float32Array.of(1e-3, -2e-3, 3e-3, 5e-4);
  const weights = { x: small, w: Float32Array.of(1, 2, -1, 0.5), b: Float32Array.of(0.1, 0, -0.1, 3) };
  const [w, b] = [argument("w", 4), argument("b", 4)];
  test("rms_norm of a row of 1e-3, where eps counts", () => {
    const root = Math.sqrt([...small].reduce((sum, v) => sum + v * v, 0) / 4 + 1e-5);
    close(
      valueOf(row("rms_norm", [x], { eps: 1e-5 }, [4]), weights),
      [...small].map((v) => v / root),
    );
    close(
      valueOf(row("rms_norm", [x, w], { eps: 1e-5 }, [4]), weights),
      [...small].map((v, i) => (v / root) * weights.w[i]!),
    );
    expect(root).toBeGreaterThan(3.5e-3); // eps alone is 3.16e-3
  });
  test("layer_norm of a row of 1e-3: population variance", () => {
    const mean = [...small].reduce((sum, v) => sum + v, 0) / 4;
    const root = Math.sqrt([...small].reduce((sum, v) => sum + (v - mean) ** 2, 0) / 4 + 1e-6);
    const plain = [...small].map((v) => (v - mean) / root);
    close(valueOf(row("layer_norm", [x], { eps: 1e-6 }, [4]), weights), plain);
    close(
      valueOf(row("layer_norm", [x, w], { eps: 1e-6 }, [4]), weights),
      plain.map((v, i) => v * weights.w[i]!),
    );
    close(
      valueOf(row("layer_norm", [x, w, b], { eps: 1e-6 }, [4]), weights),
      plain.map((v, i) => v * weights.w[i]! + weights.b[i]!),
    );
  });
  test("a norm of [heads, d] is of each head, with one weight [d] for all", () => {
    const want = [0.5, -1.25]
      .map((v) => v / Math.sqrt((0.25 + 1.5625) / 2))
      .concat([2, 0.75].map((v) => v / Math.sqrt((4 + 0.5625) / 2)));
    const got = valueOf(row("rms_norm", [heads, argument("w", 2)], { eps: 0 }, [2, 2]), {
      x: x4,
      w: Float32Array.of(1, 3),
    });
    close(
      got,
      want.map((v, i) => v * (i % 2 === 0 ? 1 : 3)),
    );
  });
  test("softmax, sum and mean over the last axis", () => {
    const [a, b2] = [1 / (1 + Math.exp(-1.75)), 1 / (1 + Math.exp(-1.25))];
    close(valueOf(row("softmax", [heads], {}, [2, 2]), { x: x4 }), [a, 1 - a, b2, 1 - b2]);
    close(valueOf(row("softmax", [x], {}, [4]), { x: Float32Array.of(1000, 1000, -1000, 1000) }), [
      1 / 3,
      1 / 3,
      0,
      1 / 3,
    ]);
    close(valueOf(row("sum", [x], {}, []), { x: x4 }), [2]);
    close(valueOf(row("sum", [heads], {}, [2]), { x: x4 }), [-0.75, 2.75]);
    close(valueOf(row("mean", [x], {}, []), { x: x4 }), [0.5]);
  });
});

describe("shapes", () => {
  test("split and merge keep the numbers; chunk and concat are along the last axis", () => {
    const x8 = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
    const two = argument("x", 2, 4);
    expect(valueOf(row("split", [argument("x", 8)], { heads: 2 }, [2, 4]), { x: x8 })).toEqual([...x8]);
    expect(valueOf(row("chunk", [argument("x", 8)], { parts: 4, take: 2 }, [2]), { x: x8 })).toEqual([4, 5]);
    expect(valueOf(row("chunk", [two], { parts: 2, take: 1 }, [2, 2]), { x: x8 })).toEqual([2, 3, 6, 7]);
    expect(valueOf(row("concat", [two, argument("y", 2, 1)], {}, [2, 5]), { x: x8, y: Float32Array.of(8, 9) })).toEqual(
      [0, 1, 2, 3, 8, 4, 5, 6, 7, 9],
    );
  });
  test("reorder: from c p q to p q c", () => {
    const of = argument("x", 12);
    const attrs = { from: "c p q", to: "p q c", sizes: { c: 3, p: 2, q: 2 } };
    const got = valueOf(row("reorder", [of], attrs, [12]), { x: Float32Array.from({ length: 12 }, (_, i) => i) });
    expect(got).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
  });
});

describe("weights and tables", () => {
  const own = row("lookup", [weight("own", [3, 2]), id], {}, [2]);
  const tables: Readonly<Record<string, Float32Array>> = {
    own: Float32Array.of(0, 1, 10, 11, 20, 21),
    added: Float32Array.of(30, 31, 40, 41),
  };
  const look = (node: Row, index: number): number[] => valueOf(node, { id: index }, ({ path }) => tables[path]!);
  test("linear takes [out, in], and a bias", () => {
    const w = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(valueOf(linear(x, weight("w", [2, 4])), { x: x4 }, () => w as never)).toEqual([7, 15]);
    const biased = row("linear", [x, weight("w", [2, 4]), argument("b", 2)], {}, [2]);
    expect(valueOf(biased, { x: x4, b: Float32Array.of(1, -1) }, () => w as never)).toEqual([8, 14]);
    const ofHeads = row("linear", [heads, argument("w", 1, 2)], {}, [2, 1]);
    expect(valueOf(ofHeads, { x: x4, w: Float32Array.of(2, 4) })).toEqual([-4, 7]);
  });
  test("lookup, and extend past a table's end", () => {
    const extended = row("extend", [id, own, weight("added", [2, 2])], { below: 3 }, [2]);
    expect(look(own, 1)).toEqual([10, 11]);
    expect([0, 2, 3, 4].map((index) => look(extended, index))).toEqual([
      [0, 1],
      [20, 21],
      [30, 31],
      [40, 41],
    ]);
  });
  test("an index that no row has is an error in words", () => {
    expect(() => look(own, 3)).toThrow("body looks up row 3 of a table with rows 0 .. 2");
    expect(() => look(own, -1)).toThrow("row -1");
    expect(() => look(own, 0.5)).toThrow("row 0.5");
  });
  test("weights of another size are refused, and none is asked for more than once a body", () => {
    expect(() => valueOf(own, { id: 0 }, () => Float32Array.of(1))).toThrow("own is [3, 2], but 1 numbers were given");
    let asked = 0;
    const count = (): Float32Array => (asked++, tables["own"]!);
    run(
      { embeds: { text: own }, steps: [embed(new Map([["text", [2]]]))] },
      { rows: [0, 1, 2].map((i) => ({ kind: "text", span: 0, index: 0, values: { id: i } })), spans: {}, inputs: {} },
      count,
    );
    expect(asked).toBe(1);
  });
});

describe("features", () => {
  test("sinusoid: a time to cos and sin of scaled periods", () => {
    const t = Math.fround(0.37);
    const attrs = { dim: 6, period: 10_000, divisor: 3, scale: 1000, order: "cos sin" } as const;
    const angles = [0, 1, 2].map((k) => t * 1000 * Math.exp((-Math.log(10_000) * k) / 3));
    const near = (got: readonly number[], want: readonly number[]): void =>
      got.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 11));
    near(valueOf(row("sinusoid", [argument("t")], attrs, [6]), { t: 0.37 }), [
      ...angles.map(Math.cos),
      ...angles.map(Math.sin),
    ]);
    near(valueOf(row("sinusoid", [argument("t")], { ...attrs, order: "sin cos" }, [6]), { t: 0.37 }), [
      ...angles.map(Math.sin),
      ...angles.map(Math.cos),
    ]);
  });
  test("coordinates of a patch: row-major over the grid", () => {
    const at = (axis: "row" | "col" | "index"): Row => row("coordinate", [], { axis }, []);
    const body = row(
      "concat",
      [at("row"), at("col"), at("index"), row("coordinates", [at("col")], { dim: 4, period: 100, limit: 3 }, [4])],
      {},
      [7],
    );
    const { last } = run(
      { embeds: { "image.patch": body }, steps: [embed(new Map([["image.patch", [7]]]))] },
      document("t[pppppp]"),
    );
    expect([...last[6]!].slice(0, 3)).toEqual([1, 1, 4]);
    close([...last[7]!], [1, 2, 5, Math.sin(2), Math.sin(0.2), Math.cos(2), Math.cos(0.2)]);
    expect(last[0]).toBeUndefined();
  });
});

describe("what a document gives", () => {
  const shapes = new Map(kinds.map(({ name }) => [name, [1]]));
  const given = (name: string, per: "document" | { span: string } | { row: string }): Row =>
    row(
      "input",
      [],
      {
        input: { name, per, type: { kind: "number", shape: [] }, doc: "", at: { path: "", span: { from: 0, to: 0 } } },
      },
      [],
    );
  test("inputs per document, per image and per row, rounded to f32", () => {
    const { last } = run(
      {
        embeds: {
          text: given("label", "document"),
          "image.patch": add(given("t", { span: "image" }), given("f", { row: "image.patch" })),
          "image.open": number(0),
          "image.close": number(0),
        },
        steps: [embed(shapes)],
      },
      {
        rows: [
          { kind: "text", span: 0, index: 0, values: {} },
          { kind: "image.patch", span: 1, index: 0, values: { f: 10 } },
          { kind: "image.patch", span: 0, index: 0, values: { f: 20 } },
        ],
        spans: { image: [{ t: 0.1 }, { t: 2 }] },
        inputs: { label: 7 },
      },
    );
    expect(last.map((r) => r![0])).toEqual([7, 12, 20 + Math.fround(0.1)]);
  });
  test("a marker enters as the token it is", () => {
    const { last } = run({}, document("[p]t"));
    const table = run(
      {},
      { rows: [5, 6].map((n) => ({ kind: "text", span: 0, index: 0, values: { id: n } })), spans: {}, inputs: {} },
    );
    expect([last[0], last[2]]).toEqual(table.last.slice(0, 2));
  });
  test("what is missing, too long or unknown is said in words", () => {
    const rows = [{ kind: "text", span: 0, index: 0, values: {} }];
    const doc = { rows, spans: {}, inputs: {} };
    expect(() => run({}, doc)).toThrow('row 0 (text) gives no "id"');
    expect(() => run({ limit: 3 }, document("tt", { start: 2 }))).toThrow(
      "ends at position 3, but Hand has 3 positions",
    );
    expect(() => run({}, { ...doc, rows: [{ kind: "audio", span: 0, index: 0, values: {} }] })).toThrow(
      'row 0 is of kind "audio"',
    );
    expect(() => valueOf(x, { x: Float32Array.of(1, 2) })).toThrow('gives "x" 2 numbers, but it takes 4');
  });
  test("a map without arguments is numbers and weights alone", () => {
    const constant = {
      ...map(mul(number(3), weight("w", [2])), h0),
      attrs: { body: mul(number(3), weight("w", [2])), arguments: [] },
    } as ReturnType<typeof map>;
    const { last } = run({ steps: [constant] }, document("t[p]"), ({ path, shape }) =>
      path === "w" ? Float32Array.of(1, 2) : new Float32Array(shape.reduce((a, b) => a * b)),
    );
    expect(last.map((r) => [...r!])).toEqual([
      [3, 6],
      [3, 6],
      [3, 6],
      [3, 6],
    ]);
  });
});

describe("rotary", () => {
  const turn = (interleaved: boolean, position: number, scaling?: RowOps["rotary"]["scaling"]): number[] =>
    valueOf(
      row("rotary", [argument("x", 1, 4)], { theta: 10_000, scaling, interleaved }, [1, 4]),
      { x: x4 },
      undefined,
      position,
    );
  const [a, b, c, d] = x4 as unknown as [number, number, number, number];
  test("halves: dims k and k + d / 2 turn by position * theta^(-2 k / d)", () => {
    const [s, t] = [7, 0.07];
    close(turn(false, 7), [
      a * Math.cos(s) - c * Math.sin(s),
      b * Math.cos(t) - d * Math.sin(t),
      c * Math.cos(s) + a * Math.sin(s),
      d * Math.cos(t) + b * Math.sin(t),
    ]);
  });
  test("pairs: dims 2 k and 2 k + 1", () => {
    const [s, t] = [7, 0.07];
    close(turn(true, 7), [
      a * Math.cos(s) - b * Math.sin(s),
      b * Math.cos(s) + a * Math.sin(s),
      c * Math.cos(t) - d * Math.sin(t),
      d * Math.cos(t) + c * Math.sin(t),
    ]);
  });
  test("every head turns alike; position 0 turns nothing", () => {
    const two = valueOf(
      row("rotary", [argument("x", 2, 2)], { theta: 5, scaling: undefined, interleaved: false }, [2, 2]),
      { x: x4 },
      undefined,
      3,
    );
    close(two, [
      a * Math.cos(3) - b * Math.sin(3),
      b * Math.cos(3) + a * Math.sin(3),
      c * Math.cos(3) - d * Math.sin(3),
      d * Math.cos(3) + c * Math.sin(3),
    ]);
    expect(turn(false, 0)).toEqual([...x4]);
  });
  test("llama3 scaling: short waves stay, long ones slow down, the middle is blended", () => {
    // waves of 2 pi (short) and 200 pi = 628: long above 100, then short below 700, then between 300 and 1200
    const angle = (low: number, high: number, original: number): number => {
      const [, y0, , y1] = turn(false, 7, { factor: 8, low, high, original }) as [number, number, number, number];
      return Math.atan2(y1, y0) - Math.atan2(d, b);
    };
    const blend = (1200 / (200 * Math.PI) - 1) / 3;
    expect(angle(1, 4, 100)).toBeCloseTo(0.07 / 8, 12);
    expect(angle(1, 4, 2800)).toBeCloseTo(0.07, 12);
    expect(angle(1, 4, 1200)).toBeCloseTo((1 - blend) * (0.07 / 8) + blend * 0.07, 12);
  });
});
