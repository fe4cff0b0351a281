// Attention against nested loops written out here: who is seen, which heads, scale, softcap, and nothing seen.
import { describe, expect, test } from "vitest";
import type { Mask, Row, Seq } from "../../compiler/analyze/model.ts";
import {
  all,
  and,
  attend,
  block,
  call,
  causal,
  document,
  h0,
  joint,
  key,
  model,
  noise,
  not,
  or,
  parameter,
  patch,
  plainBlock,
  query,
  rowsOf,
  run,
  seeded,
  select,
  split,
  und,
  within,
} from "./build.ts";
import type { Sizes } from "./build.ts";
import { evaluate } from "../../compiler/oracle/index.ts";

type Matrix = readonly (readonly number[])[];
const times = (w: Float32Array, x: readonly number[]): number[] =>
  Array.from({ length: w.length / x.length }, (_, o) =>
    x.reduce((sum, value, i) => sum + value * w[o * x.length + i]!, 0),
  );

/** `plainBlock(path)` on all rows, and its stream after the attention; `picture[q][k]` is "x" where q sees k. */
function byHand(x: Matrix, path: string, picture: readonly string[], sizes: Sizes): { y: Matrix; out: Matrix } {
  const { width = 4, heads = 2, kv = heads, scale = 0.5, softcap } = sizes;
  const d = width / heads;
  const [q, k, v] = ["q", "k", "v"].map((name) =>
    x.map((r) => times(noise(`${path}.${name}`, (name === "q" ? width : kv * d) * width), r)),
  );
  const y = x.map((r, i) => {
    const seen = Array.from({ length: width }, (_, at) => {
      const head = Math.floor(at / d);
      const from = (heads === kv ? head : Math.floor((head * kv) / heads)) * d;
      let above = 0;
      let below = 0;
      x.forEach((_row, j) => {
        if (picture[i]![j] !== "x") return;
        let score = 0;
        for (let n = 0; n < d; n++) score += scale * q![i]![head * d + n]! * k![j]![from + n]!;
        if (softcap !== undefined) score = softcap * Math.tanh(score / softcap);
        above += Math.exp(score) * v![j]![from + (at % d)]!;
        below += Math.exp(score);
      });
      return below === 0 ? 0 : above / below;
    });
    const o = times(noise(`${path}.o`, width * width), seen);
    return r.map((value, n) => value + o[n]!);
  });
  const w = noise(`${path}.w`, width * width);
  return { y, out: y.map((r) => times(w, r).map((value, n) => r[n]! + Math.tanh(value))) };
}
const plain = (rows: readonly (Float64Array | undefined)[]): number[][] => rows.map((r) => [...r!]);
function close(got: Matrix, want: Matrix): void {
  got.forEach((r, i) => r.forEach((value, n) => expect(value, `row ${i}`).toBeCloseTo(want[i]![n]!, 12)));
}
function check(letters: string, mask: Mask, picture: readonly string[], sizes: Sizes = {}): void {
  const x = plain(rowsOf(h0, letters));
  close(plain(rowsOf(call(plainBlock("a", sizes), h0), letters, mask)), byHand(x, "a", picture, sizes).out);
}

describe("a call", () => {
  test("under masks", () => {
    check("tt[p]", causal, ["x....", "xx...", "xxx..", "xxxx.", "xxxxx"]);
    check("t[pp]", or(causal, within("image.patch")), ["x....", "xx...", "xxxx.", "xxxx.", "xxxxx"]);
    check("[p][p]", within("image.open", "image.patch", "image.close"), [
      "xxx...",
      "xxx...",
      "xxx...",
      "...xxx",
      "...xxx",
      "...xxx",
    ]);
    check("t[p]", all, ["xxxx", "xxxx", "xxxx", "xxxx"]);
    check("t[p]", and(causal, not(and(query("image.close"), key("text")))), ["x...", "xx..", "xxx.", ".xxx"]);
  });
  test("a query that sees nothing takes 0", () => {
    check("t[p]", not(causal), [".xxx", "..xx", "...x", "...."]);
    check("tt", key("image.patch"), ["..", ".."]);
  });
  test("grouped heads: 4 query heads on 2, and on 1", () => {
    const square = ["x...", "xx..", "xxx.", "xxxx"];
    check("tttt", causal, square, { heads: 4, kv: 2 });
    check("tttt", causal, square, { heads: 4, kv: 1 });
  });
  test("scale and softcap", () => {
    check("tttt", causal, ["x...", "xx..", "xxx.", "xxxx"], { scale: 3 });
    check("tttt", causal, ["x...", "xx..", "xxx.", "xxxx"], { scale: 30, softcap: 1.5 });
  });
  test("`sees` narrows the model's mask", () => {
    const x = plain(rowsOf(h0, "t[p]t"));
    const got = rowsOf(call(plainBlock("a"), h0, key(...und)), "t[p]t", causal);
    close(plain(got), byHand(x, "a", ["x....", "xx...", "xx...", "xx.x.", "xx.xx"], {}).out);
  });
  test("an attend may read another", () => {
    const x = parameter(0, 4);
    const heads = (r: Row): Row => split(r, 1);
    const first = attend(heads(x), heads(x), heads(x), 0.5);
    const second = attend(first, heads(x), first, 0.5);
    const twice = block("two", { ...second, shape: [1, 4] }, [second, first]);
    const mean = (rows: readonly (readonly number[])[], qs: Matrix, ks: Matrix): number[][] =>
      qs.map((q, i) => {
        const e = ks.slice(0, i + 1).map((k) => Math.exp(0.5 * k.reduce((sum, value, n) => sum + value * q[n]!, 0)));
        const total = e.reduce((a, b) => a + b, 0);
        return [0, 1, 2, 3].map((n) => e.reduce((sum, weight, j) => sum + (weight / total) * rows[j]![n]!, 0));
      });
    const rows = plain(rowsOf(h0, "tttt"));
    const inner = mean(rows, rows, rows);
    close(plain(rowsOf(call(twice, h0), "tttt")), mean(inner, inner, rows));
  });
});

describe("a joint", () => {
  test("is one softmax over all arms' keys, each row with its own arm's weights", () => {
    const letters = "t[pp]t";
    const x = plain(rowsOf(h0, letters));
    const mask = or(causal, within("image.patch"));
    const [a, b] = [{ scale: 0.5 }, { scale: 2, softcap: 0.7 }];
    const got = plain(
      rowsOf(
        joint([und, call(plainBlock("a", a), h0, not(key("image.open")))], [patch, call(plainBlock("b", b), h0)]),
        letters,
        mask,
      ),
    );
    const isPatch = (n: number): boolean => letters[n] === "p";
    const project = (name: string, n: number): number[] => times(noise(`${isPatch(n) ? "b" : "a"}.${name}`, 16), x[n]!);
    const pictures = ["x.....", "x.....", "xxxx..", "xxxx..", "x.xxx.", "x.xxxx"];
    x.forEach((r, i) => {
      const own = isPatch(i) ? "b" : "a";
      const seen = [0, 1].flatMap((head) => {
        const cap = (score: number): number => (isPatch(i) ? 0.7 * Math.tanh((2 * score) / 0.7) : 0.5 * score);
        const keys = [...pictures[i]!].flatMap((mark, j) => (mark === "x" ? [j] : []));
        const q = project("q", i).slice(2 * head, 2 * head + 2);
        const e = keys.map((j) =>
          Math.exp(
            cap(
              project("k", j)
                .slice(2 * head, 2 * head + 2)
                .reduce((sum, value, n) => sum + value * q[n]!, 0),
            ),
          ),
        );
        const total = e.reduce((s, value) => s + value, 0);
        return [0, 1].map((n) =>
          keys.reduce((sum, j, at) => sum + (e[at]! / total) * project("v", j)[2 * head + n]!, 0),
        );
      });
      const o = times(noise(`${own}.o`, 16), seen);
      const y = r.map((value, n) => value + o[n]!);
      const w = times(noise(`${own}.w`, 16), y);
      y.forEach((value, n) => expect(got[i]![n]!, `row ${i}`).toBeCloseTo(value + Math.tanh(w[n]!), 12));
    });
  });
  test("an identity arm passes its rows and is seen by nobody", () => {
    const got = run({ steps: [h0, joint([und, call(plainBlock("a"), h0)], [patch, h0])] }, document("t[p]"));
    const alone = rowsOf(call(plainBlock("a"), h0, key(...und)), "t[p]");
    expect(got.last[2]).toEqual(got.steps[0]!.rows[2]);
    expect([0, 1, 3].map((n) => got.last[n])).toEqual([0, 1, 3].map((n) => alone[n]));
  });
  test("arms of unequal heads and blocks of two attends are refused", () => {
    const unequal = joint([und, call(plainBlock("a"), h0)], [patch, call(plainBlock("b", { heads: 4, kv: 2 }), h0)]);
    expect(() => rowsOf(unequal, "t[p]")).toThrow("unequal keys meet");
    const x = split(parameter(0, 4), 1);
    const [one, two] = [attend(x, x, x, 1), attend(x, x, x, 2)];
    expect(() => rowsOf(joint([und, call(block("two", one, [one, two]), h0)]), "t")).toThrow(
      "two has 2 attends in a joint",
    );
  });
});

describe("what is observed", () => {
  test("scores of every visible pair and head, with their sums; both sides of every residual add", () => {
    const letters = "tttt";
    const { events } = run({ steps: [call(plainBlock("a"), h0)] }, document(letters));
    const [scores, keys, first, second, ...more] = events;
    expect(more).toEqual([]);
    if (keys?.kind !== "keys") throw new Error("other events");
    expect([...keys.rows.keys()]).toEqual([0, 1, 2, 3]);
    const x = plain(rowsOf(h0, letters));
    const [q, k] = ["q", "k"].map((name) => x.map((r) => times(noise(`a.${name}`, 16), r)));
    keys.rows.forEach(({ k: own }, place) => own.forEach((value, i) => expect(value).toBeCloseTo(k![place]![i]!, 12)));
    const logits = x.flatMap((_, i) =>
      x
        .slice(0, i + 1)
        .flatMap((_row, j) => [0, 2].map((n) => 0.5 * (q![i]![n]! * k![j]![n]! + q![i]![n + 1]! * k![j]![n + 1]!))),
    );
    expect(scores).toMatchObject({ kind: "attend", path: "body", count: 20 });
    if (scores?.kind !== "attend" || first?.kind !== "residual" || second?.kind !== "residual")
      throw new Error("other events");
    expect(scores.sum).toBeCloseTo(
      logits.reduce((s, v) => s + v, 0),
      12,
    );
    expect(scores.squares).toBeCloseTo(
      logits.reduce((s, v) => s + v * v, 0),
      12,
    );
    const rms = (rows: Matrix): number => Math.sqrt(rows.flat().reduce((s, v) => s + v * v, 0) / rows.flat().length);
    const { y, out } = byHand(x, "a", ["x...", "xx..", "xxx.", "xxxx"], {});
    const less = (from: Matrix, of: Matrix): Matrix => from.map((r, i) => r.map((value, n) => value - of[i]![n]!));
    expect(first.stream).toBeCloseTo(rms(x), 12);
    expect(first.branch).toBeCloseTo(rms(less(y, x)), 12);
    expect(second.stream).toBeCloseTo(rms(y), 12);
    expect(second.branch).toBeCloseTo(rms(less(out, y)), 12);
  });
  test("nothing is left out: the calls of a select attend on all rows, those of a joint on their own", () => {
    const arms = [
      [und, call(plainBlock("a"), h0)],
      [patch, call(plainBlock("b"), h0)],
    ] as const;
    const counts = (value: Seq): number[] =>
      run({ steps: [value] }, document("t[p]")).events.flatMap((event) =>
        event.kind === "attend" ? [event.count] : [],
      );
    expect(counts(select(...arms))).toEqual([20, 20]);
    expect(counts(joint(...arms))).toEqual([14, 6]);
  });
  test("evaluates the same unobserved", () => {
    const parts = { steps: [call(plainBlock("a"), h0)] };
    expect(evaluate(model(parts), seeded, document("t[p]")).steps).toEqual(run(parts, document("t[p]")).steps);
  });
});
