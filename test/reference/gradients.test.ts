// Gradients of X-Fusion's variants and of LMFusion, as our examples write them, in f32 by ONNX Runtime, against PyTorch's
// autograd in f64 on the plain program of make_gradients.py.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { training } from "../../compiler/index.ts";
import type { Document } from "../../compiler/analyze/model.ts";
import { evaluate as oracle } from "../../compiler/oracle/index.ts";
import type { Target } from "../../compiler/oracle/loss.ts";
import { nmse, run } from "../onnx/session.ts";
import { givenOf, programFor } from "../train/run.ts";
import type { Sample } from "../train/samples.ts";
import { documentOf, example, keyOf, variants, type Vectors } from "./fusion.ts";
import { readAll, specify } from "./run.ts";

const folder = new URL("gradients/", import.meta.url).pathname;
const names = Object.keys(JSON.parse(readFileSync(`${folder}documents.json`, "utf8")) as object);
const WIDTH = 12;

let weights: Vectors;
const samples: Record<string, Sample> = {};
beforeAll(async () => {
  weights = await readAll(new URL("fusion/weights.safetensors", import.meta.url).pathname);
  const inputs = await readAll(`${folder}inputs.safetensors`);
  for (const name of names) samples[name] = sampleOf(inputs, name);
});

/** A document whose rows have their targets, as values and as the oracle asks for them. */
const sampleOf = (inputs: Vectors, name: string): Sample => {
  const document = documentOf(inputs, name);
  const of = (what: string, place: number): number => inputs.get(`${name}.${what}`)!.data[place]!;
  const [text, image] = [new Map<number, Target>(), new Map<number, Target>()];
  let patches = 0;
  const rows = document.rows.map((row, place) => {
    if (row.kind === "image.patch") {
      const numbers = inputs.get(`${name}.velocity.target`)!.data.slice(patches * WIDTH, ++patches * WIDTH);
      const weight = of("velocity.weight", place);
      image.set(place, { weight, numbers });
      return { ...row, values: { ...row.values, "velocity.target": numbers, "velocity.weight": weight } };
    }
    const [id, below, weight] = [of("logits.target", place), of("logits.below", place), of("logits.weight", place)];
    if (row.kind !== "image.open") text.set(place, { weight, id, below });
    return { ...row, values: { ...row.values, "logits.target": id, "logits.below": below, "logits.weight": weight } };
  });
  return { document: { ...document, rows } satisfies Document, targets: { text, image } };
};

/** How far a number is from what it should be, as a share of that. */
const apart = (found: number, wanted: number): number => (found === wanted ? 0 : Math.abs(found / wanted - 1));

describe.each(variants)("$model", ({ file, example: from, model }) => {
  const specified = specify(example(from), model);
  const module = training(specified.model, specified.sources);
  const programs = module.programs.filter(({ kind }) => kind === "gradient");
  const weight = (path: string): Float32Array => {
    const found = weights.get(keyOf(path));
    if (!found) throw new Error(`no vector for ${path}`);
    return found.data;
  };

  test.each(names)("the oracle's loss of %s", async (name) => {
    const vectors = await readAll(`${folder}${file}.safetensors`);
    const { document, targets } = samples[name]!;
    const { total, terms } = oracle(specified.model, ({ path }) => weight(path), document, { targets }).losses!;
    for (const [term, cost] of [["loss", total] as const, ...Object.entries(terms).map(([own, value]) => [`loss.${own}`, value] as const)])
      expect(apart(cost, vectors.get(`${name}.${term}`)!.data[0]!), term).toBeLessThan(1e-6);
  });

  test("every weight that learns from some document is trained", async () => {
    const vectors = await readAll(`${folder}${file}.safetensors`);
    const wanted = new Set([...vectors.keys()].flatMap((key) => (key.includes(".gradient.") ? [key.split(".gradient.")[1]!] : [])));
    expect(new Set(module.trained.map(({ name }) => keyOf(name)))).toEqual(wanted);
  });

  const batches = [...names.map((name) => [name]), ["text_then_image", "image_then_text", "text_only"]];
  test.each(batches.map((batch) => [batch.join(", "), batch] as const))("gradients of %s", async (_, batch) => {
    const vectors = await readAll(`${folder}${file}.safetensors`);
    /** What the documents give together. */
    const sum = (what: string): Float64Array | undefined => {
      const found = batch.flatMap((name) => vectors.get(`${name}.${what}`)?.data ?? []);
      return found[0] && Float64Array.from(found[0], (_value, i) => found.reduce((total, each) => total + each[i]!, 0));
    };
    const given = batch.map((name) => samples[name]!);
    const program = programFor(programs, given);
    // Nothing is computed where nothing can be learned.
    if (program === undefined) {
      expect([...vectors.keys()].filter((key) => batch.some((name) => key.startsWith(`${name}.gradient.`)))).toEqual([]);
      return;
    }
    expect(program.name).toBe(`gradient(${batch.length > 1 ? "text, image" : shapes[batch[0]!]})`);
    const results = await run(module, program, givenOf(specified, program, weight, given), "ort-cpu", "all");
    const found = new Map(program.outputs.map(({ name }, i) => [name, results[i]!]));
    expect(apart(found.get("loss")!.data[0]!, sum("loss")![0]!)).toBeLessThan(1e-5);
    for (const { name } of module.trained) {
      const gradient = found.get(`new.gradient/${name}`);
      const data = sum(`gradient.${keyOf(name)}`);
      if (data === undefined) expect(gradient?.data.every((value) => value === 0) ?? true, name).toBe(true);
      else expect(nmse(gradient!, { shape: gradient!.shape, data }), name).toBeLessThan(1e-8);
    }
  });
});
/** Of each document, the program that is made for it. */
const shapes: Readonly<Record<string, string>> = {
  text_then_image: "text then image",
  image_then_text: "text, image",
  text_only: "text",
};
