// Whatever is done to a specification, analysis answers with a bounded number of messages, quickly, and never throws:
// tokens and characters of the examples changed by chance from a printed seed, and texts made to hurt.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/index.ts";
import { maxDiagnostics } from "../../grammar/index.ts";
import { mutant } from "../robustness/specifications/mutant.ts";
import { judgeSpecification } from "../robustness/specifications/judge.ts";
import { Tally } from "../robustness/tally.ts";
import { alone, change, dual, own } from "./mistakes/written.ts";

const examples = ["llama/llama", "lmfusion/lmfusion", "xfusion/xfusion"].map((name) =>
  readFileSync(new URL(`../../examples/${name}.graft`, import.meta.url), "utf8"),
);
/** Checks a text with all its models; how many milliseconds of the processor it took, and how many messages were found. */
const read = (text: string): { readonly time: number; readonly found: number } => {
  const before = process.cpuUsage();
  const checked = check("main.graft", () => text);
  checked.checkAll();
  const { user, system } = process.cpuUsage(before);
  return { time: (user + system) / 1000, found: checked.report.found.length };
};

const first = Number(process.env["FROM"] ?? 0);
const runs = Number(process.env["RUNS"] ?? 10_000);
const seed = Number(process.env["SEED"] ?? 2026);
describe(`mutations from seed ${seed}; SEED, FROM and RUNS choose others`, () => {
  const tally = new Tally();
  const chunk = 10_000;
  for (let from = first; from < first + runs; from += chunk) {
    const to = Math.min(from + chunk, first + runs);
    test(`${from} to ${to - 1}`, { timeout: 400_000 }, () => {
      for (let n = from; n < to; n++) judgeSpecification(seed, n, tally);
      expect(tally.faults).toEqual([]);
    });
  }
  test("are of many kinds, wrong and right", () => {
    expect(tally.get("specifications")).toBe(runs);
    expect(tally.get("wrong")).toBeGreaterThan(runs / 2);
    expect(tally.get("right")).toBeGreaterThan(runs / 20);
    expect(tally.kinds.size).toBeGreaterThan(runs >= 50_000 ? 150 : 0);
  });
  test("the same number is the same text", () => {
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const there = numbers.map((n) => mutant(seed, n));
    const back = numbers.toReversed().map((n) => mutant(seed, n));
    expect(back.toReversed()).toEqual(there);
    expect(new Set(there).size).toBeGreaterThan(95);
  });
  test("each example as it is", () => {
    for (const text of examples) expect(read(text).found).toBe(0);
  });
});

const names = ["__proto__", "constructor", "toString", "valueOf", "hasOwnProperty"];
describe.each(names)("%s as a name", (name) => {
  test("of a weight, a part, a kind, a modality, an argument, an input, a loop", () => {
    const model = `block B(${name}2 = 8) {
  weight ${name}: [8, 8]
  forward(${name}1: [8]) -> [8] { linear(${name}1, ${name}) }
}
tower T() {
  layers: B() * 2
  weight table: [32, 8]
  vocab = 32
  enter(id) -> [8] { table[id] }
  logits(x: [8]) -> [vocab] { linear(x, table) }
}
model M(${name}4 = T()) {
  modality ${name} = tokens(vocab: ${name}4.vocab)
  modality b = span { ${name}: grid(2, 2, of: [8]) }
  group ${name}3 = ${name}, b
  input ${name}5: [8] per ${name}
  freeze **
  embed ${name}(id) = ${name}4.enter(id) + ${name}5
  embed b.${name}(z) = z
  layers ${name}6 l in ${name}4.layers {
    h = select { ${name}: l(h), b.${name}: h }
  }
  mask = causal or within(b.${name})
  position = running
  head ${name} = next_token(${name}4.logits(h))
}
`;
    expect(read(model)).toMatchObject({ found: 0 });
  });
  test("where nothing of that name is", () => {
    for (const text of [
      alone.replace("language.vocab", `language.${name}`),
      alone.replace("    h = l(h)", `    h = ${name}(h)`),
      alone.replace("    h = l(h)", `    h = l(${name})`),
      alone.replace("D: 8", `${name}: 8`),
      alone.replace("l in language.layers", `l in language.${name}`),
      alone.replace("head text", `head ${name}`),
      alone.replace("freeze language.**", `freeze ${name}.**`),
      alone.replace('"std/llama"', `"std/${name}"`),
      dual.replace("within(image.patch)", `within(image.${name})`),
      dual.replace("given: t", `given: ${name}`),
      dual.replace("per image", `per ${name}`),
      dual.replace("after: given", `after: ${name}`),
      dual.replace("patch: 12)", `patch: 12, share: [${name}])`),
      dual.replace("patch: 12))", `patch: 12)) with { ${name} }`),
      own.replace("rms_norm(x, norm)", `rms_norm(x, ${name}: 3)`),
      own.replace('"layers.{i}.q"', `${name}("layers.{i}.q")`),
    ])
      expect(read(text).found, text).toBeGreaterThan(0);
  });
});

describe("texts made to hurt", () => {
  const within = (text: string, time = 2000): void => {
    const result = read(text);
    expect(result.found).toBeGreaterThan(0);
    expect(result.found).toBeLessThanOrEqual(maxDiagnostics);
    expect(result.time).toBeLessThan(time);
  };
  const lines = (n: number, line: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => line(i)).join("\n");
  const half = (with_: string): string => change(own, ["  half = D / 2\n", `  half = D / 2\n${with_}\n`]);

  test("sizes beyond all", () => {
    within(half("  weight w: [2147483647, 2147483647]"));
    within(half("  weight w: [2147483648]"));
    within(half("  weight w: [1e300]"));
    within(half("  weight w: [-0]"));
    within(alone.replace("D: 8", "D: 1e999"));
    within(dual.replace("grid(2, 2,", "grid(2147483647, 2147483647,"));
    within(alone.replace("L: 2", "L: 2147483647"));
    within(alone.replace("L: 2", "L: 0.5"));
    within(alone.replace("heads: 2", "heads: -2"));
    within(half("  a = 1e300 * 1e300"));
  });
  test("constants made of constants", () =>
    within(half(lines(20_000, (i) => `  c${i} = c${i + 1} + 1`) + "\n  c20000 = 1"), 5000));
  test("aliases of aliases", () => {
    within(`${lines(20_000, (i) => `tower A${i} = A${i + 1}`)}\nmodel M(l = A0) { }`, 5000);
  });
  test("functions that call functions, each twice", () => {
    within(
      half(
        `${lines(60, (i) => `  f${i}(x: [D]) -> [D] { f${i + 1}(x) + f${i + 1}(f${i + 1}(x)) }`)}\n  f60(x: [D]) -> [D] { x }`,
      ).replace("linear(x, embed)", "linear(f0(x), embed)"),
      5000,
    );
  });
  test("a mistake in a function that is called a hundred thousand times", () => {
    const text = half(
      `  f0(x: [D]) -> [D] { nowhere(x) + nothing }\n${lines(19, (i) => `  f${i + 1}(x: [D]) -> [D] { f${i}(x) + f${i}(x) }`)}`,
    ).replace("linear(x, embed)", "linear(f19(x), embed)");
    // The name that may have been meant is looked for once.
    within(text, 1500);
  });
  test("functions in functions", () => {
    within(
      half(`${lines(3000, (i) => `  f${i}(x: [D]) -> [D] { f${i + 1}(x) }`)}\n  f3000(x: [D]) -> [D] { x }`).replace(
        "linear(x, embed)",
        "linear(f0(x), embed)",
      ),
      5000,
    );
  });
  test("parts in parts, each twice", () => {
    within(
      `${lines(100, (i) => `part P${i} {\n  part a = P${i + 1}()\n  part b = P${i + 1}()\n}`)}\npart P100 { weight w: [1] }\nmodel M {\n  part p = P0()\n}`,
      5000,
    );
  });
  test("parts that hold themselves by default, twice", () => {
    within("part A(a = A(), b = A()) { }\nmodel M {\n  part p = A()\n}\n");
  });
  test("layers in layers in layers", () => {
    within(
      alone
        .replace(
          "    h = l(h)",
          "    layers b m in language.layers {\n      layers c n in language.layers {\n        h = n(h)\n      }\n    }",
        )
        .replace("L: 2", "L: 128"),
      10_000,
    );
  });
  test("names without end that are declared nowhere", () => {
    within(`model M {\n${lines(5000, (i) => `  let a${i} = ${"b".repeat(200)}${i}`)}\n}`, 5000);
  });
  test("a long list, a deep expression", () => {
    within(`model M {\n  let a = [${"1, ".repeat(50_000)}x.y]\n}`);
    within(half(`  d = ${"(".repeat(100)}${"1 + ".repeat(300)}x${")".repeat(100)}`));
  });
});
