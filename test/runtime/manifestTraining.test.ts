// The part of a manifest that trains a model: what a compilation writes is read back, and what is wrong in it is named.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Manifest, parseManifest, printManifest } from "../../runtime/index.ts";
import { compiledToTrain } from "../train/compiled.ts";

let text: string;
beforeAll(async () => {
  const compiled = await compiledToTrain("DualTower");
  text = readFileSync(join(compiled.folder, "manifest.json"), "utf8");
  compiled.remove();
});

test("what is written is read back", () => {
  const manifest = parseManifest(text, "m.json");
  expect(printManifest(manifest)).toBe(text);
  const { losses, drawn, programs, recompute } = manifest.training!;
  expect(recompute).toBe("none");
  expect(losses).toEqual([
    { name: "text", factor: 0.2, head: "next_token", kinds: ["text", "image.close"] },
    { name: "image", factor: 1, head: "denoise", kinds: ["image.patch"] },
  ]);
  expect(drawn).toEqual([{ modality: "image", distribution: "logit_normal", arguments: [0, 1] }]);
  const shapes = ["text", "text, image", "text then image"];
  expect(programs.map(({ name }) => name)).toEqual([
    ...["loss", "gradient", "trace"].flatMap((kind) => shapes.map((shape) => `${kind}(${shape})`)),
    "update",
  ]);
});

type Training = NonNullable<Manifest["training"]>;
type Writable<T> = T extends readonly (infer E)[]
  ? Writable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;
const gradient = ({ programs }: Writable<Training>) => programs.find(({ kind }) => kind === "gradient")!;
const update = ({ programs }: Writable<Training>) => programs.find(({ kind }) => kind === "update")!;

const faults: readonly (readonly [string, (training: Writable<Training>) => unknown, RegExp])[] = [
  ["a path out of the folder", (t) => (t.programs[0]!.graph.file = "../x.onnx"), /without a folder/],
  ["an unknown member", (t) => ((t as unknown as Record<string, number>)["more"] = 1), /"more" must be absent/],
  ["a program twice", (t) => t.programs.push(t.programs[0]!), /stands twice in what trains it/],
  ["a weight twice", (t) => t.weights.push(t.weights[0]!), /stands twice in what trains it/],
  ["a weight in no file", (t) => (t.weights[0]!.file = "other"), /lies in the unknown file "other"/],
  ["a weight behind its file", (t) => (t.weights[0]!.offset = 2 ** 40), /ends behind its file/],
  ["a weight of another shape", (t) => t.weights[0]!.shape.push(2), /of another form/],
  ["a weight of no dtype", (t) => (t.weights[0]!.dtype = "i4" as "f32"), /dtype must be "f32" or "f16" or "bf16"/],
  ["a loss of no kind", (t) => (t.losses[0]!.kinds = ["sound"]), /the unknown kind "sound"/],
  ["a loss of no tokens", (t) => (t.losses[0]!.name = "sound"), /of tokens that the model has not/],
  ["a loss of no noise", (t) => (t.losses[1]!.name = "sound"), /of noise that the model has not/],
  ["noise of one number", (t) => (t.drawn[0]!.arguments = [1]), /drawn from 1 numbers, not 2/],
  ["noise of no modality", (t) => (t.drawn[0]!.modality = "text"), /noise is drawn for "text"/],
  ["no update", (t) => t.programs.pop(), /1 programs that update weights/],
  ["no loss", (t) => t.programs.shift(), /one loss of documents of "text"/],
  ["an update of documents", (t) => (update(t).shape = "text"), /must have a shape unless/],
  ["the end of another stream", (t) => (gradient(t).last = "sound"), /ends with no stream of its own/],
  ["an unknown kind", (t) => (gradient(t).streams[0]!.kinds = ["sound"]), /takes the unknown kind "sound"/],
  ["no loss in a gradient", (t) => gradient(t).outputs.shift(), /lacks the output "loss"/],
  ["a state lost", (t) => update(t).outputs.pop(), /lacks the output "new\.average/],
  ["an output of nothing", (t) => gradient(t).outputs.push({ name: "x", doc: "" }), /gives "x", which nothing/],
  [
    "a sum that is not taken",
    (t) => (gradient(t).inputs = gradient(t).inputs.filter(({ name }) => !name.startsWith("gradient/"))),
    /adds to "gradient.*" without taking it/,
  ],
  ["an input of nothing", (t) => (update(t).inputs[2]!.name = "x"), /has the port "x", which nothing asks for/],
  ["a moment in a loss", (t) => (t.programs[0]!.inputs.at(-1)!.name = "moment1/text.added.head"), /nothing asks for/],
  ["fewer rates", (t) => (update(t).inputs[0]!.shape = [1]), /"rate" of another form/],
];

describe("what is wrong is named", () => {
  test.each(faults)("%s", (_, change, reason) => {
    const copy = JSON.parse(text) as { training: Writable<Training> };
    change(copy.training);
    expect(() => parseManifest(JSON.stringify(copy), "m.json")).toThrow(reason);
  });
  test("weights and ports without number, at once", () => {
    const copy = JSON.parse(text) as { training: Writable<Training> };
    const [first] = copy.training.weights;
    copy.training.weights.push(...Array.from({ length: 60_000 }, (_, i) => ({ ...first!, path: `w${i}` })));
    const [port] = update(copy.training).inputs;
    update(copy.training).inputs = Array.from({ length: 60_000 }, (_, i) => ({ ...port!, name: `weight/w${i}` }));
    const before = process.cpuUsage();
    expect(() => parseManifest(JSON.stringify(copy), "m.json")).toThrow(/lacks the output/);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(20_000);
  });
});
