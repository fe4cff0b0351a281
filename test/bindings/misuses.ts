// Uses of the bindings of DualTower that are wrong, each in one way. The mark stands before the place that is wrong.

const BEFORE = `
import { type Kind, open, type Part, type Row } from "./model.mjs";
const model = await open();
const i32 = { dtype: "i32", shape: [1, 2], data: Int32Array.of(0, 1) } as const;
const z = new Float32Array(48);
const context = model.start();
const rows: Row<"text">[] = [];
const patch: Row<"image.patch"> = { kind: "image.patch", span: 0, index: 0, values: { z } };
const given = { "text.id": i32, "text.order": i32, "text.position": i32 };
const patches = { "image.patch.order": i32, "image.patch.position": i32, "image.patch.span": i32 };
const t = { dtype: "f32", shape: [1, 1], data: new Float32Array(1) } as const;
`;

const MARK = "<!>";
/** The whole text without its mark, and where the mark stood. */
export const withMark = (name: string, misuse: string): { readonly text: string; readonly at: number } => {
  const text = `${BEFORE}${misuse}\nexport {};\n`;
  const at = text.indexOf(MARK);
  if (at < 0 || text.indexOf(MARK, at + 1) > 0) throw new Error(`${name}: one mark is needed`);
  return { text: text.replace(MARK, ""), at };
};

export const misuses: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ["a method that is not there", "await model.<!>decodeImage({});", /decodeImage/],
  ["a program that is not there", 'await model.run(<!>"forward(image)", given);', /forward\(image\)/],
  ["a missing input", 'await model.forwardText(<!>{ "text.id": i32, "text.order": i32 });', /text\.position/],
  ["an input too many", 'await model.forwardText({ ...given, <!>"image.patch.z": t });', /image\.patch\.z/],
  [
    "the inputs of another program",
    'await model.run("forward(text, image)", <!>given);',
    /image\.patch\.z|missing the following/,
  ],
  [
    "another dtype",
    'await model.forwardText({ ...given, "text.id": { <!>dtype: "f32", shape: [1, 2], data: Int32Array.of(0, 1) } });',
    /"f32".*"i32"/,
  ],
  [
    "data of another dtype",
    'await model.forwardText({ ...given, "text.id": { dtype: "i32", shape: [1, 2], <!>data: Float32Array.of(0, 1) } });',
    /Int32Array/,
  ],
  [
    "another literal size",
    'await model.forwardTextImage({ ...given, ...patches, t, "image.patch.z": { dtype: "f32", shape: [1, 2, <!>47], data: z } });',
    /47.*48/,
  ],
  [
    "a size too few",
    'await model.forwardTextImage({ ...given, ...patches, t, "image.patch.z": { dtype: "f32", <!>shape: [1, 2], data: z } });',
    /3/,
  ],
  [
    "a plain array for a tensor",
    'await model.forwardText({ ...given, <!>"text.id": Int32Array.of(0, 1) });',
    /Int32Array/,
  ],
  [
    "an output that is not there",
    '<!>(await model.forwardText(given))["image.patch.velocity"];',
    /image\.patch\.velocity/,
  ],
  [
    "an output's size taken for another",
    'const <!>size: 256 = (await model.forwardText(given))["text.logits"].shape[2]; void size;',
    /258.*256/,
  ],
  [
    "a method without await",
    'const { <!>"text.logits": logits } = model.forwardText(given); void logits;',
    /text\.logits/,
  ],
  ["a table that lacks a kind", "const <!>names: Readonly<Record<Kind, 1>> = { text: 1 }; void names;", /image\.open/],
  [
    "an unknown kind of row",
    'const row: Row = { <!>kind: "audio", span: 0, index: 0, values: {} }; void row;',
    /"audio"/,
  ],
  [
    "a row without its number",
    'const row: Row<"text"> = { kind: "text", span: 0, index: 0, <!>values: {} }; void row;',
    /id/,
  ],
  [
    "a row with the numbers of another kind",
    'const row: Row<"text"> = { kind: "text", span: 0, index: 0, values: { <!>z } }; void row;',
    /'z'/,
  ],
  [
    "one number where a row has many",
    'const row: Row<"image.patch"> = { kind: "image.patch", span: 0, index: 0, values: { <!>z: 1 } }; void row;',
    /Float32Array/,
  ],
  [
    "a marker with an id",
    'const row: Row<"image.open"> = { kind: "image.open", span: 0, index: 0, values: { <!>id: 256 } }; void row;',
    /never/,
  ],
  ["an unknown phase", 'await model.append(context, <!>"train", [{ rows }]);', /"train"/],
  ["whole documents to append", 'await model.append(context, <!>"forward", [{ rows }]);', /"forward"/],
  ["rows that a phase does not take", 'await model.append(context, "denoise", [{ <!>rows }]);', /image\.patch/],
  [
    "a condition of another name",
    'await model.append(context, "denoise", [{ rows: [patch], spans: { image: [{ <!>time: 1 }] } }]);',
    /time/,
  ],
  [
    "a condition that is no number",
    'await model.append(context, "denoise", [{ rows: [patch], spans: { image: [{ <!>t: "1" }] } }]);',
    /string/,
  ],
  [
    "spans of an unknown modality",
    'await model.append(context, "denoise", [{ rows: [patch], spans: { <!>video: [{ t: 1 }] } }]);',
    /video/,
  ],
  ["inputs that a document does not have", "await model.forward([{ rows, spans: {}, inputs: { <!>t: 1 } }]);", /never/],
  ["a document without its spans", "await model.forward([<!>{ rows, inputs: {} }]);", /spans/],
  [
    "the rows of an output that a phase does not give",
    '(await model.append(context, "decode", [{ rows }])).rows(<!>"image.patch.velocity", 0);',
    /text\.logits/,
  ],
  [
    "a tensor that the program which ran may not have given",
    '<!>(await model.forward([])).tensors["image.patch.velocity"];',
    /image\.patch\.velocity/,
  ],
  ["one part where a list is wanted", 'await model.append(context, "decode", { <!>rows });', /readonly/],
  ["the context of no session", 'await model.append(<!>{}, "decode", [{ rows }]);', /Context/],
  [
    "a part for another phase",
    'const part: Part<"prefill"> = { rows: [patch] }; await model.append(context, "decode", [<!>part]);',
    /image\.patch/,
  ],
  ["options of no such name", "await open({ <!>device: 0 });", /device/],
];
