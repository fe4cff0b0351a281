// The laws of the language that need no phases, each on random instances: what they call equal is equal for the oracle
// and for ONNX Runtime. SEED=7 repeats one instance, RUNS=500 widens.
import { expect, test } from "vitest";
import type { Document } from "../../compiler/analyze/model.ts";
import { batchOf, documentOf, weightsOf } from "./documents.ts";
import { Dice } from "./dice.ts";
import { draw } from "./draw.ts";
import { apart } from "./judge.ts";
import { alone, beside, chained, instance, narrowedCall, oneBlock, rowWise, spreadAsIs, unless } from "./laws.ts";
import { print } from "./print.ts";
import { analyse, Compiled, distances, oracle, type Result } from "./run.ts";
import type { Expr, Spec } from "./spec.ts";
import { kindsOf } from "./spec.ts";

const first = Number(process.env["SEED"] ?? 1);
const runs = Number(process.env["RUNS"] ?? (process.env["SEED"] === undefined ? 8 : 1));
const each = (law: string, hold: (seed: number) => Promise<void>): void =>
  test(law, { timeout: 300_000 }, async () => {
    for (let seed = first; seed < first + runs; seed++)
      await hold(seed).catch((cause: unknown) => {
        throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      });
  });

const bits = (result: Result): string =>
  JSON.stringify(
    [...result].map(([head, rows]) => [
      head,
      [...rows].map(([row, numbers]) => [row, [...Float32Array.from(numbers)]]),
    ]),
  );
const relative = 1e-12;

/** All sides give the same for the oracle and for ONNX Runtime. */
const agree = async (sides: readonly Spec[], seed: number): Promise<void> => {
  const texts = sides.map(print);
  const weights = weightsOf(seed);
  const { model } = analyse(texts[0]!);
  const documents = batchOf(model, seed);
  const want = documents.map((d) => oracle(model, weights, d));
  let base: Result[] | undefined;
  for (const text of texts) {
    const compiled = await Compiled.make(text, weights);
    try {
      documents.forEach((document, d) => {
        for (const [head, { worst, rms }] of distances(oracle(compiled.model, weights, document), want[d]!))
          expect(worst, `oracle, head ${head}, of\n${text}\nand\n${texts[0]}`).toBeLessThanOrEqual(
            relative * Math.max(1, rms),
          );
      });
      const got = await compiled.run(documents);
      base ??= got;
      got.forEach((result, d) =>
        expect(
          apart(result, base![d]!, { model, weights, document: documents[d]! }),
          `of\n${text}\nand\n${texts[0]}`,
        ).toBeUndefined(),
      );
    } finally {
      await compiled.close();
    }
  }
};
/** What ONNX Runtime gives for documents of those modalities, bit for bit. */
const bitsOf = async (
  spec: Spec,
  seed: number,
  documents: readonly Document[],
  pick: (result: Result) => Result = (result) => result,
): Promise<string[]> => {
  const compiled = await Compiled.make(print(spec), weightsOf(seed));
  try {
    return (await compiled.run(documents)).map((result) => bits(pick(result)));
  } finally {
    await compiled.close();
  }
};

each("1: select and joint of one block are the block", (seed) => agree(instance(seed, oneBlock), seed));
each("2: arms that see only themselves are alone", (seed) => agree(instance(seed, alone), seed));
each("3: restriction, union and row-wise functions", (seed) => agree(instance(seed, rowWise), seed));
each("4: a call narrowed by keys that it does not have", (seed) => agree(instance(seed, narrowedCall), seed));
each("4: a mask narrowed by keys that no query had", (seed) => {
  const dice = new Dice(seed);
  const spec = draw(seed);
  const kinds = kindsOf(spec.modalities, spec.towers);
  const some = dice.some(kinds.map((k) => k.name));
  const mask = { op: "and", left: spec.mask, right: { op: "not", of: { op: "key", kinds: some } } } as const;
  return agree(
    [
      { ...spec, mask },
      { ...spec, mask: { op: "and", left: mask, right: unless({ dice, kinds }, some) } },
    ],
    seed,
  );
});
each("4: a document without rows of a kind does not know what becomes of them", async (seed) => {
  const dice = new Dice(seed);
  let spec = draw(seed * 101);
  const lacks = (s: Spec): boolean =>
    s.modalities.length > 1 && s.modalities[0]!.head && s.modalities[0]!.kind === "tokens";
  for (let n = 1; !lacks(spec); n++) spec = draw(seed * 101 + n);
  const kinds = kindsOf(spec.modalities, spec.towers);
  const absent = kinds.filter((k) => k.modality !== spec.modalities[0]!.name).map((k) => k.name);
  const others = (e: Expr): Expr => ({
    op: "union",
    left: { op: "restrict", of: e, kinds: kinds.filter((k) => !absent.includes(k.name)).map((k) => k.name) },
    right: {
      op: "restrict",
      of: { op: "around", before: "tanh(", of: { op: "name", text: "h" }, after: ")" },
      kinds: absent,
    },
  });
  const other: Spec = {
    ...spec,
    mask: { op: "and", left: spec.mask, right: unless({ dice, kinds }, absent) },
    loops: spec.loops.map((loop) => ({
      ...loop,
      body: loop.body.map((s) => (s.kind === "h" ? { ...s, value: others(s.value) } : s)),
    })),
  };
  const { model } = analyse(print(spec));
  const [a, b] = [
    documentOf(model, dice, [model.modalities[0]!.name]),
    documentOf(model, dice, [model.modalities[0]!.name]),
  ];
  const documents = [
    a,
    {
      ...b,
      inputs: {
        ...b.inputs,
        ...Object.fromEntries(model.inputs.filter((i) => i.per === "call").map((i) => [i.name, a.inputs[i.name]!])),
      },
    },
  ];
  expect(await bitsOf(other, seed, documents), `${print(spec)}\nand\n${print(other)}`).toEqual(
    await bitsOf(spec, seed, documents),
  );
});
each("6: permuting a batch permutes results; adding a document changes nothing in the others", async (seed) => {
  const text = print(draw(seed));
  const weights = weightsOf(seed);
  const compiled = await Compiled.make(text, weights);
  try {
    const { model } = compiled;
    const [a, b] = batchOf(model, seed) as [Document, Document];
    const c = {
      ...documentOf(
        model,
        new Dice(seed),
        model.modalities.map((m) => m.name),
      ),
      inputs: a.inputs,
    };
    const [ab, ba, abc] = [await compiled.run([a, b]), await compiled.run([b, a]), await compiled.run([a, b, c])];
    const same = (got: Result | undefined, want: Result | undefined, document: Document): void =>
      expect(apart(got!, want!, { model, weights, document }), text).toBeUndefined();
    same(ba[1], ab[0], a);
    same(ba[0], ab[1], b);
    same(abc[0], ab[0], a);
    same(abc[1], ab[1], b);
  } finally {
    await compiled.close();
  }
});
each("7: layers spread over as many groups as there are", (seed) => agree(spreadAsIs(seed), seed));
each("7: chain and held where no foreign row is seen", (seed) => agree(instance(seed, chained), seed));
each("9: text alone gives the language tower's logits, bit for bit", async (seed) => {
  const { dual, lone, vocab } = beside(seed);
  const { model } = analyse(print(lone));
  const dice = new Dice(seed);
  const documents = [documentOf(model, dice, ["text"]), documentOf(model, dice, ["text"])];
  const inputs = Object.fromEntries(
    analyse(print(dual)).model.inputs.map((i) => [
      i.name,
      i.type.kind === "index" ? 1 : i.type.shape.length ? Float32Array.of(0.5, 0.25, 1) : 0.5,
    ]),
  );
  const given = documents.map((d) => ({
    ...d,
    start: 0,
    inputs,
    rows: d.rows.map((row) => ({ ...row, values: { ...inputs, ...row.values } })),
  }));
  const own = (result: Result): Result =>
    new Map([
      ["text", new Map([...result.get("text")!].map(([row, numbers]) => [row, Array.from(numbers).slice(0, vocab)]))],
    ]);
  expect(await bitsOf(dual, seed, given, own), `${print(dual)}\nand\n${print(lone)}`).toEqual(
    await bitsOf(
      lone,
      seed,
      documents.map((d) => ({ ...d, start: 0 })),
    ),
  );
});
