// The manifest: what is printed is read back, and each member that is wrong is named with its place.
import { describe, expect, test } from "vitest";
import type { Manifest } from "../../runtime/manifest.ts";
import { parseManifest, printManifest } from "../../runtime/parseManifest.ts";

const manifest: Manifest = {
  schema: "graftwerk/manifest@2",
  tool: "graftwerk 0.1.0",
  model: "DualTower",
  target: "onnx",
  profile: "ort-cpu",
  programs: [
    {
      name: "decode(text, image)",
      phase: "decode",
      streams: [
        { name: "text", kinds: ["text", "image.open", "image.close"] },
        { name: "image.patch", kinds: ["image.patch"] },
      ],
      whole: ["image.patch"],
      again: [],
      reads: ["language.layers[0]/text"],
      writes: ["language.layers[0]/text"],
      graph: { file: "decode.text.image.onnx", sha256: "0".repeat(64) },
      inputs: [
        { name: "text.id", dtype: "i32", shape: ["batch", "text"], below: 258, doc: "token ids" },
        { name: "text.order", dtype: "i32", shape: ["batch", "text"], below: null, doc: "" },
        { name: "image.patch.z", dtype: "f32", shape: ["batch", "image.patch", 48], below: null, doc: "" },
        { name: "t", dtype: "f32", shape: ["batch", "image"], below: null, doc: "time of each image" },
        { name: "past.text.order", dtype: "i32", shape: ["batch", "past.text"], below: null, doc: "" },
        { name: "language.layers[0]/text.k", dtype: "f32", shape: ["batch", 2, "past.text", 16], below: null, doc: "" },
        { name: "language.layers[0]/text.v", dtype: "f32", shape: ["batch", 2, "past.text", 8], below: null, doc: "" },
      ],
      outputs: [
        { name: "text.logits", dtype: "f32", shape: ["batch", "text", 258], below: null, doc: "" },
        { name: "new.language.layers[0]/text.k", dtype: "f32", shape: ["batch", "text", 2, 16], below: null, doc: "" },
        { name: "new.language.layers[0]/text.v", dtype: "f32", shape: ["batch", "text", 2, 8], below: null, doc: "" },
      ],
    },
    {
      name: "read(image)",
      phase: "read",
      streams: [{ name: "image.patch", kinds: ["image.patch"] }],
      whole: ["image.patch"],
      again: [],
      reads: [],
      writes: [],
      graph: null,
      inputs: [],
      outputs: [],
    },
  ],
  caches: [{ name: "language.layers[0]/text", stream: "text", kvHeads: 2, widths: { k: 16, v: 8 } }],
  modalities: [
    { is: "tokens", name: "text", vocab: 256, added: ["<boi>", "<eoi>"] },
    {
      is: "span",
      name: "image",
      segments: [
        { is: "marker", kind: "image.open", token: "<boi>", id: 256, text: "text" },
        { is: "grid", kind: "image.patch", rows: 8, cols: 8, width: 48, order: "p q c", channels: 3 },
        { is: "marker", kind: "image.close", token: "<eoi>", id: 257, text: "text" },
      ],
    },
  ],
  session: [
    { modality: "text", repeat: "" },
    { modality: "image", repeat: "?" },
  ],
  conditions: [{ name: "t", per: "image", clean: 0 }],
  noise: [{ modality: "image", input: "t", process: { is: "flow", clean: 0, noise: 1, predicts: "velocity" } }],
  weights: [
    { file: "weights.safetensors", size: 10, how: "written", sha256: "f".repeat(64), header: null, mtime: null },
    { file: "model-1.safetensors", size: 2 ** 40, how: "linked", sha256: null, header: "0".repeat(64), mtime: 1.7e12 },
  ],
  missing: ["vision.layers[0].q"],
  bindings: [{ file: "model.mjs", sha256: "a".repeat(64) }],
};

/** The manifest with the member at a path replaced, or removed where the value is undefined. */
const withMember = (path: readonly (string | number)[], value: unknown): string => {
  const copy: unknown = structuredClone(manifest);
  let at = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path.at(-1)!] = value;
  return JSON.stringify(copy);
};

test("bindings may be absent, as in what was written before there were any", () => {
  const { bindings: _, ...others } = manifest;
  expect(parseManifest(printManifest(others), "m")).toEqual(others);
});

test("what is printed is read back", () => {
  expect(parseManifest(printManifest(manifest), "m")).toEqual(manifest);
  expect(printManifest(structuredClone(manifest))).toBe(printManifest(manifest));
});

const program = (...rest: (string | number)[]): (string | number)[] => ["programs", 0, ...rest];
const faults: readonly (readonly [readonly (string | number)[], unknown, RegExp])[] = [
  [
    ["schema"],
    "graftwerk/manifest@1",
    /schema graftwerk\/manifest@1; this version reads graftwerk\/manifest@2[^]*compile the model again/,
  ],
  [["schema"], "other", /schema must be "graftwerk\/manifest@2"/],
  [["schema"], undefined, /schema must be/],
  [["extra"], 1, /"extra" must be absent/],
  [["__proto__x"], 1, /must be absent/],
  [["model"], "../x", /model must be a name/],
  [["target"], "cuda", /target must be "onnx" or "webgpu"/],
  [["profile"], 1, /profile must be "ort-cpu" or "ort-webgpu" or "portable" or null/],
  [["programs"], {}, /programs must be a list/],
  [program(), null, /programs\[0\] must be an object/],
  [program("graph", "file"), "../x.onnx", /programs\[0\]\.graph\.file must be a file name without a folder/],
  [program("graph", "file"), "/etc/passwd", /without a folder/],
  [program("graph", "file"), "..", /without a folder/],
  [program("graph", "file"), "a\\b", /without a folder/],
  [program("graph", "file"), "", /without a folder/],
  [program("graph", "sha256"), "F".repeat(64), /sha256 must be 64 hexadecimal digits/],
  [program("phase"), "speak", /phase must be "forward" or "prefill"/],
  [program("streams"), [{ name: "sound", kinds: ["sound"] }], /takes the unknown kind "sound"/],
  [program("reads"), ["nowhere"], /has the unknown cache "nowhere"/],
  [program("streams", 0, "name"), "texts", /writes "language\.layers\[0\]\/text", of whose rows it has none/],
  [program("streams", 1, "kinds"), ["text"], /the name "text" stands twice/],
  [program("streams", 1, "kinds"), [], /has a stream without kinds/],
  [program("streams", 1, "kinds"), ["image.patch", "image.open"], /"image\.open" stands twice/],
  [
    ["programs", 1, "streams", 0, "kinds"],
    ["image.open"],
    /the stream "image\.patch" has unlike kinds in two programs/,
  ],
  [program("whole"), ["image.open"], /has no stream "image\.open"/],
  [program("again"), ["image"], /has no stream "image"/],
  [program("graph"), null, /must have a graph just where it has outputs/],
  [program("phase"), "forward", /is a forward, and has caches/],
  [program("phase"), "denoise", /is a denoise, and has caches/],
  [program("phase"), "draft", /is a draft, and has caches/],
  [["programs", 1, "phase"], "denoise", /"image" is drawn, and no program of the phase read ends a drawing/],
  [
    ["programs", 1, "writes"],
    ["language.layers[0]/text"],
    /writes "language\.layers\[0\]\/text", of whose rows it has none/,
  ],
  [program("reads"), [], /has the port "past\.text\.order", which nothing asks for/],
  [program("writes"), [], /has the port "new\.language\.layers\[0\]\/text\.k", which nothing asks for/],
  [program("inputs", 4, "name"), "past.text.span", /lacks the input "past\.text\.order"/],
  [program("inputs", 5, "name"), "language.layers[1]/text.k", /layers\[1\]\/text\.k", which nothing asks for/],
  [
    program("inputs", 5, "shape"),
    ["batch", 2, "past.text", 8],
    /text\.k" of another form: f32 \[batch, 2, past\.text, 16\]/,
  ],
  [program("inputs", 5, "dtype"), "i32", /text\.k" of another form/],
  [["caches", 0, "kvHeads"], 3, /of another form: f32 \[batch, 3, past\.text, 16\]/],
  [["caches", 0, "widths"], { k: 16, v: 16 }, /text\.v" of another form/],
  [program("inputs", 1, "shape"), ["batch", "image.patch"], /"text\.order" of another form: i32 \[batch, text\]/],
  [program("inputs", 1, "dtype"), "f32", /"text\.order" of another form/],
  [program("inputs", 2, "shape"), ["batch", "text", 48], /"image\.patch\.z" of another form/],
  [program("inputs", 2, "shape"), ["batch", "image.patch", "text"], /"image\.patch\.z" of another form/],
  [program("inputs", 3, "shape"), ["batch"], /"t" of another form/],
  [program("inputs", 3, "name"), "s", /has the port "s", which nothing asks for/],
  [program("inputs", 2, "below"), 4, /"image\.patch\.z" of indices that are no i32/],
  [program("inputs", 0, "below"), 0, /inputs\[0\]\.below must be a whole number from 1/],
  [program("outputs", 0, "name"), "sound.logits", /has the port "sound\.logits", which nothing asks for/],
  [program("outputs", 2, "name"), "text.more", /lacks the output "new\.language\.layers\[0\]\/text\.v"/],
  [["session", 0, "modality"], "sound", /the session speaks of the unknown modality "sound"/],
  [["session", 0, "repeat"], "!", /session\[0\]\.repeat must be "" or "\?"/],
  [["session"], undefined, /session must be a list/],
  [["conditions", 0, "per"], "sound", /the condition "t" is of the unknown "sound"/],
  [["noise", 0, "input"], "s", /the noise reads the unknown condition "s"/],
  [["noise", 0, "after"], "later", /noise\[0\]\.after must be "given" or "last" or "never"/],
  [program("inputs", 0, "dtype"), "i64", /inputs\[0\]\.dtype must be/],
  [program("inputs", 0, "shape"), [0], /inputs\[0\]\.shape\[0\] must be a whole number from 1/],
  [program("inputs", 0, "shape"), [1.5], /shape\[0\] must be a whole number/],
  [program("inputs", 0, "shape"), ["a b"], /shape\[0\] must be a name/],
  [program("inputs", 0, "shape"), Array(9).fill(1), /shape must be a list of at most 8/],
  [program("inputs", 0, "name"), "t", /the name "t" stands twice/],
  [["modalities", 0, "is"], "sound", /modalities\[0\]\.is must be "tokens" or "span"/],
  [["modalities", 0, "vocab"], -1, /modalities\[0\]\.vocab must be/],
  [["modalities", 1, "segments", 1, "rows"], 1e9, /segments\[1\]\.rows must be a whole number from 1 to 65536/],
  [["modalities", 1, "segments", 0, "text"], "sound", /the marker "image.open" has the unknown text "sound"/],
  [["modalities", 1, "segments", 0, "kind"], "image.patch", /"image.patch" stands twice/],
  [["conditions", 0, "clean"], "0", /conditions\[0\]\.clean must be a number/],
  [["noise", 0, "modality"], "text", /noise for the unknown span "text"/],
  [["noise", 0, "process", "predicts"], "v", /process\.predicts must be "velocity" or "x" or "noise"/],
  [["missing"], undefined, /missing must be a list/],
  [["bindings"], null, /bindings must be a list/],
  [["bindings", 0, "file"], "../model.mjs", /bindings\[0\]\.file must be a file name without a folder/],
  [["weights", 0, "size"], -1, /weights\[0\]\.size must be/],
  [["weights", 0, "sha256"], undefined, /weights\[0\]\.sha256 must be 64/],
];

describe("what is wrong is named", () => {
  test.each(faults)("%j = %j", (path, value, reason) => {
    expect(() => parseManifest(withMember(path, value), "m.json")).toThrow(reason);
  });
  test("as many inputs as there may be, at once", () => {
    const inputs = Array.from({ length: 65_536 }, (_, i) => {
      return { name: `text.of.some.layer${i}`, dtype: "f32", shape: [1], below: null, doc: "" };
    });
    const before = process.cpuUsage();
    const twice = withMember(program("inputs"), [...inputs.slice(1), inputs.at(-1)]);
    expect(() => parseManifest(twice, "m.json")).toThrow(/the name "text.of.some.layer65535" stands twice/);
    // Each is then found to belong to no row, cache or condition; the first of them is named.
    const strange = withMember(program("inputs"), inputs);
    expect(() => parseManifest(strange, "m.json")).toThrow(/text\.of\.some\.layer0/);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(20_000);
  });
  test("text that is not a manifest", () => {
    expect(() => parseManifest("", "m.json")).toThrow(/m\.json: not valid JSON/);
    expect(() => parseManifest("[]", "m.json")).toThrow(/it must be an object/);
    expect(() => parseManifest('{"schema": 1, "schema": 1}', "m.json")).toThrow(/"schema" stands twice/);
  });
});
