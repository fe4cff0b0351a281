// Beyond each limit stands a diagnostic, never an exception, within 2 s and 512 MiB from a cold process; a large valid
// file compiles within 3 s. What leads in circles or outside of the project is refused; line ends and a mark at the
// beginning of a file change nothing.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check, onnx, programs } from "../../compiler/index.ts";

const folder = mkdtempSync(join(tmpdir(), "graftwerk-limits-"));
const child = join(folder, "child.mjs");
beforeAll(async () => {
  const input = fileURLToPath(new URL("limits.child.ts", import.meta.url));
  const build = await rolldown({ input, platform: "node", external: [/^node:/], onLog: () => undefined });
  await build.write({ file: child, format: "esm", codeSplitting: false });
  await build.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

type Files = Readonly<Record<string, string>>;
interface Found {
  readonly codes: readonly string[];
  readonly models: number;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly mebibytes: number;
}
let count = 0;
const run = (files: Files, mode: "check" | "compile" = "check"): Found => {
  const own = join(folder, `case-${count++}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(own, name)), { recursive: true });
    writeFileSync(join(own, name), text);
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--max-old-space-size=448", child, own, mode], {
    encoding: "utf8",
    timeout: 30_000,
  });
  if (status !== 0) throw new Error(`ended with ${status}: ${stderr.slice(0, 2000)}`);
  return JSON.parse(stdout) as Found;
};
const refused = (files: Files, codes: readonly string[]): void => {
  const found = run(files);
  expect(found.codes.length).toBeGreaterThan(0);
  for (const code of found.codes) expect(codes).toContain(code);
  expect(found.milliseconds).toBeLessThan(2000);
  expect(found.mebibytes).toBeLessThan(512);
};

// ── A small valid specification, with places to put something large ────────────────────────────
interface Holes {
  readonly top?: string;
  readonly block?: string;
  readonly forward?: string;
  readonly layers?: string;
  readonly tower?: string;
  readonly model?: string;
  readonly body?: string;
  readonly mask?: string;
}
const small = ({
  top = "",
  block = "",
  forward = "x + linear(merge(attend(split(x, 1), split(x, 1), split(x, 1))), o)",
  layers = "B()",
  tower = "",
  model = "",
  body = "h = l(h)",
  mask = "causal",
}: Holes = {}): string => `${top}
block B() {
  weight o: [4, 4]
  ${block}
  forward(x: [4]) -> [4] { ${forward} }
}
tower T() {
  D = 4  vocab = 8
  weight embed: [vocab, D]
  ${tower}
  layers: ${layers}
  enter(id) -> [D] { embed[id] }
  logits(x: [D]) -> [vocab] { linear(x, embed) }
}
model M(t = T) {
  modality text = tokens(vocab: t.vocab)
  train **
  ${model}
  embed text(id) = t.enter(id)
  layers f l in t.layers { ${body} }
  mask = ${mask}
  position = running(limit: 64)
  head text = next_token(t.logits(h))
}
`;
const main = (text: string): Files => ({ "main.graft": text });
const doubled = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

test("the specification by itself is valid", () =>
  expect(run(main(small()), "compile")).toMatchObject({ codes: [], models: 1 }));

describe("beyond a limit", () => {
  test("1 MiB of source", () => {
    refused(main(small({ top: `// ${"x".repeat(1 << 20)}` })), ["file-too-large"]);
    refused(
      { "main.graft": small({ top: 'import { X } from "big"' }), "big.graft": `part X() {} // ${"x".repeat(1 << 20)}` },
      ["file-too-large"],
    );
  });
  test("nesting of 128", () => {
    const nested = (depth: number): string => small({ body: `h = ${"(".repeat(depth)}l(h)${")".repeat(depth)}` });
    expect(run(main(nested(125))).codes).toEqual([]);
    refused(main(nested(128)), ["too-deep"]);
    refused(main(nested(100_000)), ["too-deep"]);
    refused(main(small({ body: `h = ${"tanh(".repeat(50_000)}h${")".repeat(50_000)}` })), ["too-deep"]);
    refused(main(small({ mask: `${"not ".repeat(100_000)}causal` })), ["expression-too-long"]);
  });
  test("64 files", () => {
    const files = (n: number): Files => ({
      "main.graft": doubled(n, (i) => `import { X${i} } from "part${i}"`) + small(),
      ...Object.fromEntries(
        Array.from({ length: n }, (_, i) => [`part${i}.graft`, `part X${i}() { forward(x: [4]) -> [4] { x } }`]),
      ),
    });
    expect(run(files(63)).codes).toEqual([]);
    refused(files(64), ["limit-files"]);
    refused(files(2000), ["limit-files"]);
  });
  test("files that import files", () => {
    const link = (i: number): string =>
      `import { X${i + 1} } from "part${i + 1}"\npart X${i}() { forward(x: [4]) -> [4] { x } }`;
    refused(
      {
        "main.graft": `import { X0 } from "part0"${small()}`,
        ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`part${i}.graft`, link(i)])),
      },
      ["limit-imports", "no-file"],
    );
  });
  test("1,024 layers", () => {
    expect(run(main(small({ layers: "B() * 1024" })), "compile").codes).toEqual([]);
    refused(main(small({ layers: "B() * 1025" })), ["limit-layers"]);
    refused(main(small({ layers: "B() * 1000 + B() * 1000" })), ["limit-layers"]);
    refused(main(small({ layers: "B() * 9_007_199_254_740_991" })), ["limit-layers"]);
    refused(
      main(small({ tower: `l0 = B() * 1024\n${doubled(40, (i) => `l${i + 1} = l${i} + l${i}`)}`, layers: "l40" })),
      ["limit-layers", "limit-work"],
    );
  });
  test("a million operations", () => {
    const work = ["limit-work", "limit-depth", "limit-chain"];
    const f = (i: number): string => `f${i + 1}(x: [4]) -> [4] { f${i}(tanh(f${i}(x))) }`;
    refused(main(small({ block: `f0(x: [4]) -> [4] { silu(x) }\n${doubled(40, f)}`, forward: "f40(x)" })), work);
    refused(
      main(small({ layers: "B() * 1024", body: "layers g k in t.layers { layers i j in t.layers { h = j(h) } }" })),
      work,
    );
    refused(
      main(
        small({
          block: doubled(1200, (i) => `f${i}(x: [4]) -> [4] { tanh(${i === 0 ? "x" : `f${i - 1}(x)`}) }`),
          forward: "f1199(x)",
          layers: "B() * 1024",
        }),
      ),
      work,
    );
  });
  test("parts made of parts", () => {
    const part = (i: number): string => `part P${i + 1}() { part a = P${i}()  part b = P${i}() }`;
    refused(main(small({ top: `part P0() { weight w: [4] }\n${doubled(40, part)}`, tower: "part p = P40()" })), [
      "limit-work",
      "limit-depth",
    ]);
    refused(
      main(
        small({
          top: `part P0() { weight w: [4] }\n${doubled(3000, (i) => `part P${i + 1}() { part a = P${i}() }`)}`,
          tower: "part p = P3000()",
        }),
      ),
      ["limit-work", "limit-depth", "contains-itself"],
    );
  });
  test("2^40 parameters", () => {
    refused(main(small({ tower: "weight w: [1_048_577, 1_048_576]" })), ["limit-parameters"]);
    refused(main(small({ block: "weight w: [1_048_576, 1_048_576]", layers: "B() * 2" })), ["limit-parameters"]);
    refused(main(small({ tower: "weight w: [2_000_000_000, 2_000_000_000, 2_000_000_000, 2_000_000_000]" })), [
      "limit-parameters",
    ]);
  });
  test("kinds, inputs and masks without end", () => {
    const spans = doubled(3000, (i) => `modality s${i} = span { p: grid(2, 2, of: [4]) }  embed s${i}.p(z) = z`);
    const found = run(main(small({ model: spans })));
    expect(found.codes.length).toBeGreaterThan(0);
    expect(found.milliseconds).toBeLessThan(2000);
    expect(found.mebibytes).toBeLessThan(512);
  });
});

describe("in circles and outside", () => {
  test.each<[string, Files, string]>([
    ["a file imports itself", { "main.graft": 'import { T } from "main"' + small({}) }, "import-cycle"],
    [
      "two files import each other",
      {
        "main.graft": 'import { A } from "a"' + small(),
        "a.graft": 'import { B2 } from "b"\npart A() {}',
        "b.graft": 'import { A } from "a"\npart B2() {}',
      },
      "import-cycle",
    ],
    ["a path leads up", { "main.graft": 'import { A } from "../../x"' + small() }, "import-outside"],
    ["a path leads up and down", { "main.graft": 'import { A } from "a/../../x"' + small() }, "import-outside"],
    ["a path from the root", { "main.graft": 'import { A } from "/etc/passwd"' + small() }, "import-outside"],
    ["an address", { "main.graft": 'import { A } from "https://x/y"' + small() }, "import-outside"],
    ["a part of itself", main(small({ tower: "part p = P()", top: "part P() { part p = P() }" })), "contains-itself"],
    [
      "parts of each other",
      main(small({ tower: "part p = P()", top: "part P() { part q = Q() }  part Q() { part p = P() }" })),
      "contains-itself",
    ],
    [
      "a tower as its own argument",
      main(small({ top: "tower S(of = S) { layers: of.layers }", tower: "part p = S()" })),
      "limit-depth",
    ],
    ["a block of itself", main(small({ block: "part b = B()" })), "contains-itself"],
    ["a size of itself", main(small({ tower: "a = b  b = a + 1" })), "made-of-itself"],
    ["a function of itself", main(small({ block: "f(x: [4]) -> [4] { f(x) }", forward: "f(x)" })), "calls-itself"],
    [
      "functions of each other",
      main(small({ block: "f(x: [4]) -> [4] { g(x) }  g(x: [4]) -> [4] { f(tanh(x)) }", forward: "f(x)" })),
      "calls-itself",
    ],
    ["a model of itself", main(`${small()}model N = N()`), "made-of-itself"],
  ])("%s", (_, files, code) => {
    const found = run(files);
    expect(found.codes).toContain(code);
    expect(found.milliseconds).toBeLessThan(2000);
  });
});

test("line ends and a mark at the beginning change nothing", () => {
  const graph = (text: string): Uint8Array => {
    const checked = check("main.graft", (path) => (path === "main.graft" ? text : undefined));
    const model = checked.model("M");
    expect(checked.report.found).toEqual([]);
    const module = programs(model!, checked.sources);
    return onnx(module, module.programs[0]!, {
      profile: "ort-cpu",
      constants: "c",
      place: ({ type }) => ({
        location: "w",
        offset: 0,
        length: 4 * (type.shape as number[]).reduce((n, d) => n * d, 1),
        dtype: "f32",
      }),
    }).model;
  };
  const plain = `/// Of two\n/// lines.\n${small().trimStart()}`;
  const wanted = graph(plain);
  expect(graph(plain.replaceAll("\n", "\r\n"))).toEqual(wanted);
  expect(graph(`\ufeff${plain}`)).toEqual(wanted);
  expect(graph(`\ufeff${plain.replaceAll("\n", "\r\n")}`)).toEqual(wanted);
});

describe("a valid file of 1 MiB compiles within 3 s", () => {
  const block = (i: number): string => `/// Block ${i}: rows meet once, and a gate follows.
block B${i}(D, heads, hidden = 4 * D, eps = 1e-5) {
  weight norm: [D] = ones, mlp_norm: [D] = ones
  weight q: [D, D], k: [D, D], v: [D, D], o: [D, D]
  weight gate: [hidden, D], up: [hidden, D], down: [D, hidden]

  forward(x: [D]) -> [D] {
    n = rms_norm(x, norm, eps)
    a = attend(split(linear(n, q), heads), split(linear(n, k), heads), split(linear(n, v), heads))
    y = x + linear(merge(a), o)
    m = rms_norm(y, mlp_norm, eps)
    y + linear(silu(linear(m, gate)) * linear(m, up), down)
  }
}
`;
  const filled = (rest: string, make: (i: number) => string): string => {
    const pieces: string[] = [];
    for (let i = 0, left = (1 << 20) - rest.length; ; i++) {
      const piece = make(i);
      left -= piece.length;
      if (left < 0) return pieces.join("") + rest;
      pieces.push(piece);
    }
  };
  const compiled = (text: string): void => {
    expect(text.length).toBeGreaterThan(1_040_000);
    const found = run(main(text), "compile");
    expect(found).toMatchObject({ codes: [], models: 1 });
    expect(found.bytes).toBeGreaterThan(1000);
    expect(found.milliseconds).toBeLessThan(3000);
    expect(found.mebibytes).toBeLessThan(512);
  };
  test("of templates, a hundred of which are used", () => {
    const layers = Array.from({ length: 100 }, (_, i) => `B${i}(4, 2)`).join(" + ");
    compiled(filled(small({ layers }), block).replace("block B() {", "block Unused() {"));
  });
  test("of one model's values", () => {
    const line = (i: number): string =>
      `  let value_${i} = ${i} * 0.5 + ${i} // ${"of a model, with a word on what it is for".repeat(4)}\n`;
    compiled(small({ model: filled(small(), line).slice(0, -small().length) }));
  });
});
