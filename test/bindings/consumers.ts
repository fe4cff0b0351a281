// Programs that use bindings as they are meant to be used.
import type { Manifest, Port } from "../../runtime/manifest.ts";

const data = {
  f32: "new Float32Array(0)",
  f16: "new Uint16Array(0)",
  i32: "new Int32Array(0)",
  bool: "new Uint8Array(0)",
};
const tensor = ({ dtype, shape }: Port): string =>
  `{ dtype: ${JSON.stringify(dtype)}, shape: [${shape.map((size) => (typeof size === "number" ? size : 2)).join(", ")}], data: ${data[dtype]} }`;

/** `forwardTextImage`, worked out in another way than bindings do it. */
const methodOf = (program: string): string =>
  program.replace(/[^A-Za-z0-9]+(.?)/g, (_, letter: string) => letter.toUpperCase());

/** Calls every program of a model with every input, by its method and by name, and reads every output. */
export const everything = ({ programs }: Manifest): string =>
  [
    'import { open } from "./model.mjs";',
    "const model = await open({ threads: 1 });",
    "export const sizes: readonly number[][] = [];",
    ...programs.flatMap(({ name, inputs, outputs }, i) => [
      `const inputs${i} = {`,
      ...inputs.map((port) => `  ${JSON.stringify(port.name)}: ${tensor(port)},`),
      "} as const;",
      `const outputs${i} = await model.${methodOf(name)}(inputs${i});`,
      ...outputs.flatMap(({ name: output, shape }, j) => [
        `const output${i}_${j} = outputs${i}[${JSON.stringify(output)}];`,
        `const shape${i}_${j}: readonly [${shape.map((size) => (typeof size === "number" ? size : "number")).join(", ")}] = output${i}_${j}.shape;`,
        `export const data${i}_${j}: Float32Array = output${i}_${j}.data;`,
        `export const used${i}_${j} = shape${i}_${j};`,
      ]),
      `export const same${i}: typeof outputs${i} = await model.run(${JSON.stringify(name)}, inputs${i});`,
    ]),
    "await model.close();",
  ].join("\n");

/** A model of text: a whole document, and one that grows token by token. */
export const textual = `
import type { ModelTypes, TypedSession } from "graftwerk/runtime";
import { open, type Document, type Model, type Row } from "./model.mjs";

/** Of any model. */
const bytesKept = <M extends ModelTypes>(session: TypedSession<M>): number => session.start(2).bytes;

const rowOf = (id: number): Row<"text"> => ({ kind: "text", span: 0, index: 0, values: { id } });
const greedy = async (model: Model, prompt: readonly number[], steps: number): Promise<number[]> => {
  const context = model.start();
  await model.append(context, "prefill", [{ rows: prompt.slice(0, -1).map(rowOf) }]);
  const said = [prompt.at(-1)!];
  for (let i = 0; i < steps; i++) {
    const result = await model.append(context, "decode", [{ rows: [rowOf(said.at(-1)!)] }]);
    const logits = result.rows("text.logits", 0).get(context.length(0) - 1)!;
    const vocabulary: 256 = result.tensors["text.logits"].shape[2];
    said.push(logits.indexOf(Math.max(...logits.subarray(0, vocabulary))));
  }
  return said;
};

const model = await open();
const document: Document = { rows: [72, 105].map(rowOf), spans: {}, inputs: {} };
const { program, tensors } = await model.forward([document]);
export const seen: ["forward(text)", Float32Array] = [program, tensors["text.logits"].data];
export const bytes: number = bytesKept(model);
export const said = await greedy(model, [72, 105], 4);
await model.close();
`;

/** A model with inputs of rows and documents. */
export const conditional = `
import { open, type Document, type Row } from "./model.mjs";

const row: Row = { kind: "text", span: 0, index: 0, values: { id: 1, w: 0.5 } };
const document: Document = { rows: [row], spans: {}, inputs: { style: new Float32Array(3), scale: 2 } };
const model = await open();
export const { tensors } = await model.forward([document, { ...document, inputs: { ...document.inputs, unread: 1 } }]);
const context = model.start();
await model.append(context, "decode", [{ rows: [row], inputs: document.inputs }]);
`;

/** A model of text and images: a picture is read, and another is drawn behind it. */
export const pictured = `
import { type Kind, type Modality, open, type Part, type Row, type Rows } from "./model.mjs";

export const kinds: Readonly<Record<Kind, Modality>> = {
  text: "text",
  "image.open": "image",
  "image.patch": "image",
  "image.close": "image",
};
const text = (id: number): Row => ({ kind: "text", span: 0, index: 0, values: { id } });
const marker = (kind: "image.open" | "image.close", span: number): Row => ({ kind, span, index: 0, values: {} });
const patches = (span: number, pixels: Float32Array): Row<"image.patch">[] =>
  Array.from({ length: 64 }, (_, index) => {
    const values: Rows["image.patch"] = { z: pixels.subarray(index * 48, (index + 1) * 48) };
    return { kind: "image.patch", span, index, values };
  });
const picture = (span: number, pixels: Float32Array): Row[] => [
  marker("image.open", span),
  ...patches(span, pixels),
  marker("image.close", span),
];

const model = await open({ threads: 1, optimize: "all" });
const pixels = new Float32Array(64 * 48);
const context = model.start(1);
const given: Part<"prefill"> = { rows: [text(72), ...picture(0, pixels)], spans: { image: [{ t: 0 }] } };
await model.append(context, "prefill", [given]);
await model.append(context, "prefill", [{ rows: [marker("image.open", 1)] }]);
const drawn = await model.append(context, "denoise", [{ rows: patches(1, pixels), spans: { image: [{ t: 1 }] } }]);
export const velocity: ReadonlyMap<number, Float32Array> = drawn.rows("image.patch.velocity", 0);

const whole = await model.forward([{ rows: [...picture(0, pixels), text(72)], spans: { image: [{ t: 0 }] }, inputs: {} }]);
export const logits: ReadonlyMap<number, Float32Array> = whole.rows("text.logits", 0);
if (whole.program === "forward(text, image)") {
  const { shape }: { readonly shape: readonly [number, number, 48] } = whole.tensors["image.patch.velocity"];
  const { name }: { readonly name: string } = model.manifest.programs[0]!;
  console.log(shape, name);
}
await model.close();
`;
