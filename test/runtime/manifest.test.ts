// The manifest: what is printed is read back, and each member that is wrong is named with its place.
import { describe, expect, test } from "vitest";
import { type Manifest, parseManifest, printManifest } from "../../runtime/manifest.ts";

const manifest: Manifest = {
  schema: "graftwerk/manifest@1",
  tool: "graftwerk 0.1.0",
  model: "DualTower",
  target: "onnx",
  profile: "ort-cpu",
  programs: [
    {
      name: "forward(text, image)",
      phase: "forward",
      streams: [
        { name: "text", kinds: ["text", "image.open", "image.close"] },
        { name: "image.patch", kinds: ["image.patch"] },
      ],
      whole: ["image.patch"],
      again: [],
      reads: [],
      writes: ["language.layers[0]/text"],
      file: "forward.text.image.onnx",
      sha256: "0".repeat(64),
      inputs: [
        { name: "text.id", dtype: "i32", shape: ["batch", "text"], doc: "token ids" },
        { name: "image.patch.z", dtype: "f32", shape: ["batch", "image.patch", 48], doc: "" },
        { name: "t", dtype: "f32", shape: ["batch", "image"], doc: "time of each image" },
      ],
      outputs: [{ name: "text", dtype: "f32", shape: ["batch", "text", 258], doc: "logits" }],
    },
  ],
  caches: [{ name: "language.layers[0]/text", stream: "text", kvHeads: 2, widths: { k: 16, v: 16 } }],
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
    "graftwerk/manifest@2",
    /schema graftwerk\/manifest@2; this version reads graftwerk\/manifest@1[^]*compile the model again/,
  ],
  [["schema"], "other", /schema must be "graftwerk\/manifest@1"/],
  [["schema"], undefined, /schema must be/],
  [["extra"], 1, /"extra" must be absent/],
  [["__proto__x"], 1, /must be absent/],
  [["model"], "../x", /model must be a name/],
  [["target"], "webgpu", /target must be "onnx"/],
  [["profile"], 1, /profile must be "ort-cpu" or "ort-webgpu" or "portable"/],
  [["programs"], {}, /programs must be a list/],
  [program(), null, /programs\[0\] must be an object/],
  [program("file"), "../x.onnx", /programs\[0\]\.file must be a file name without a folder/],
  [program("file"), "/etc/passwd", /without a folder/],
  [program("file"), "..", /without a folder/],
  [program("file"), "a\\b", /without a folder/],
  [program("file"), "", /without a folder/],
  [program("sha256"), "F".repeat(64), /sha256 must be 64 hexadecimal digits/],
  [program("phase"), "speak", /phase must be "forward" or "prefill"/],
  [program("streams"), [{ name: "sound", kinds: ["sound"] }], /takes the unknown kind "sound"/],
  [program("reads"), ["nowhere"], /has the unknown cache "nowhere"/],
  [program("streams", 0, "name"), "texts", /writes "language\.layers\[0\]\/text", of whose rows it has none/],
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
  test("text that is not a manifest", () => {
    expect(() => parseManifest("", "m.json")).toThrow(/m\.json: not valid JSON/);
    expect(() => parseManifest("[]", "m.json")).toThrow(/it must be an object/);
    expect(() => parseManifest('{"schema": 1, "schema": 1}', "m.json")).toThrow(/"schema" stands twice/);
  });
});
