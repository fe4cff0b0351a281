// Whatever is done to a specification, analysis answers with a bounded number of messages, quickly, and never throws:
// tokens and characters of the examples changed by chance from a printed seed, and texts made to hurt.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/index.ts";
import { maxDiagnostics } from "../../grammar/index.ts";
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

/** Numbers in 0 .. 1 from a seed (mulberry32). */
const chance = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
const tokenOf = /"[^"\n]*"|\w+|->|<-|\*\*|\.\.|\s+|./g;
const strange = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "0",
  "-1",
  "2147483647",
  "1e300",
  "h",
  "none",
];

class Mutator {
  readonly #random: () => number;
  constructor(seed: number) {
    this.#random = chance(seed);
  }
  below(n: number): number {
    return Math.floor(this.#random() * n);
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
  /** One token or character replaced, removed, doubled, or swapped with another. */
  mutate(text: string): string {
    const pieces: string[] = this.below(4) === 0 ? [...text] : [...(text.match(tokenOf) ?? [])];
    const solid = pieces.flatMap((piece, i) => (piece.trim() ? [i] : []));
    const [a, b] = [this.pick(solid), this.pick(solid)];
    switch (this.below(5)) {
      case 0:
        return pieces.with(a, "").join("");
      case 1:
        return pieces.with(a, `${pieces[a]} ${pieces[a]}`).join("");
      case 2:
        return pieces.with(a, pieces[b]!).with(b, pieces[a]!).join("");
      case 3:
        return pieces.with(a, this.pick(strange)).join("");
      default:
        return pieces.with(a, pieces[b]!).join("");
    }
  }
  /** A name by another name, or a number by another number: most of these parse. */
  rename(text: string): string {
    const pieces: string[] = [...(text.match(tokenOf) ?? [])];
    const names = pieces.flatMap((piece, i) => (/^[A-Za-z_]/.test(piece) ? [i] : []));
    const numbers = pieces.flatMap((piece, i) => (/^\d/.test(piece) ? [i] : []));
    const among = this.below(4) === 0 && numbers.length ? numbers : names;
    return pieces.with(this.pick(among), pieces[this.pick(among)]!).join("");
  }
}

const mutations = 20_000;
const seed = Number(process.env["SEED"] ?? 20_26);
describe(`mutations from seed ${seed}`, () => {
  /** Large models make no other mistakes than small ones, slowly. */
  const small = examples.map((text) => text.replace(/\n(?:\/\/\/.*\n)?model \w+(?:1B|8B) = .*\n/g, "\n"));
  const [llama, lmfusion, xfusion] = small as [string, string, string];
  const brief = [llama, alone, own, dual, own, alone];
  const texts = [...brief, lmfusion, ...brief, ...brief, xfusion, ...brief];
  test(`${mutations} of the examples`, { timeout: 400_000 }, () => {
    const mutator = new Mutator(seed);
    let wrong = 0;
    for (let i = 0; i < mutations; i++) {
      let text = texts[i % texts.length]!;
      for (let n = mutator.below(3); n >= 0; n--) text = mutator.below(2) ? mutator.rename(text) : mutator.mutate(text);
      let result: ReturnType<typeof read>;
      try {
        result = read(text);
      } catch (thrown) {
        throw new Error(`mutation ${i} of seed ${seed}: ${String(thrown)}\n\n${text}`, { cause: thrown });
      }
      if (result.time > 2000) throw new Error(`mutation ${i} of seed ${seed} took ${result.time} ms\n\n${text}`);
      expect(result.found).toBeLessThanOrEqual(maxDiagnostics);
      if (result.found) wrong++;
    }
    expect(wrong).toBeGreaterThan(mutations / 2);
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
