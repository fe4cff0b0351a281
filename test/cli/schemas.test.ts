// `--json` against the published schemas, in both directions: every command's output, of success and of failure, is as its
// schema says, and nothing that a schema names is left out by all of them.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { commands } from "../../cli/commands.ts";
import type * as Gpu from "../../cli/gpu.ts";
import type * as Verifier from "../../cli/verify/verify.ts";
import { LIMITS, type Limits } from "../../runtime/webgpu/limits.ts";
import { graftwerk, root } from "./built.ts";
import { inside } from "./inside.ts";
import { reference, tiny } from "./specs.ts";

type Form = Readonly<Record<string, unknown>>;
const ajv = new Ajv2020({ strict: true, allErrors: true });
const published = new Map<string, { readonly form: Form; readonly validate: ValidateFunction }>();
for (const file of readdirSync(join(root, "schemas"))) {
  const form = JSON.parse(readFileSync(join(root, "schemas", file), "utf8")) as Form;
  published.set(form["$id"] as string, { form, validate: ajv.compile(form) });
}

/** What verification is to judge in the place of the compiled model, if anything. */
const broken = vi.hoisted(() => ({ subject: undefined as Verifier.Subject | undefined }));
vi.mock("../../cli/verify/verify.ts", async (original) => {
  const real = await original<typeof Verifier>();
  const verify: typeof real.verify = (model, sources, options) =>
    real.verify(model, sources, { ...options, ...(broken.subject && { subject: broken.subject }) });
  return { ...real, verify };
});

/** A machine with a GPU; the tests of the GPU hold what is found on a real one to the same schema. */
vi.mock("../../cli/gpu.ts", async (original) => {
  const real = await original<typeof Gpu>();
  const limits = Object.fromEntries(LIMITS.map((name) => [name, 2 ** 20])) as unknown as Limits;
  const adapter = {
    vendor: "some",
    architecture: "kind",
    device: "0x1",
    description: "some kind",
    software: false,
    subgroup: [4, 32],
    backends: ["vulkan"],
    limits,
    features: ["subgroups"],
  } as const;
  return { ...real, lookForGpu: async () => ({ ok: true, detail: "", repair: null, adapter }) };
});

const xfusion = join(root, "examples", "xfusion", "xfusion.graft");
const photo = join(root, "examples", "photo.jpg");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graftwerk-schemas-"));
  writeFileSync(join(folder, "tiny.graft"), tiny);
  writeFileSync(join(folder, "loose.graft"), tiny.replaceAll("\n\n", "\n\n\n"));
  writeFileSync(
    join(folder, "broken.graft"),
    tiny.replace("causal", "causa").replace("language.**", "language.**, nothing.**"),
  );
  writeFileSync(join(folder, "twice.graft"), `${tiny}\n${tiny}`);
  writeFileSync(join(folder, "ordered.graft"), tiny.replace("  mask =", "  session = text\n  mask ="));
  const guides =
    "  guide text = without(text before image)\n  guide sight = hide(text before image)\n  guide noise = replace(t: 1)\n";
  writeFileSync(
    join(folder, "guided.graft"),
    readFileSync(xfusion, "utf8").replaceAll("  position =", `${guides}  position =`),
  );
  writeFileSync(join(folder, "open.graft"), tiny.replace("causal", "all"));
  writeFileSync(join(folder, "reference.graft"), reference());
  mkdirSync(join(folder, "hub"));
  mkdirSync(join(folder, "samples"));
  writeFileSync(join(folder, "samples", "samples.jsonl"), '["a sample"]\n["and another"]\n');
  const checkpoint = join(root, "test", "reference", "llama_tied", "model.safetensors");
  copyFileSync(checkpoint, join(folder, "hub", "model.safetensors"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Of each schema, the outputs that were found. */
const outputs = new Map<string, unknown[]>();
const judge = (stdout: string): string => {
  const json = JSON.parse(stdout) as { schema: string };
  const schema = published.get(json.schema);
  expect(schema, `${json.schema} is published`).toBeDefined();
  schema!.validate(json);
  expect(schema!.validate.errors ?? [], json.schema).toEqual([]);
  outputs.set(json.schema, [...(outputs.get(json.schema) ?? []), json]);
  return json.schema;
};

const train = ["train", "tiny.graft", "--data", "samples", "--steps", "2", "--batch", "1", "--threads", "1"];
const compile = ["compile", "--target", "onnx", "--out"];
const calls: readonly (readonly [status: number, schema: string, args: readonly string[]])[] = [
  [0, "check", ["check", "tiny.graft"]],
  [1, "check", ["check", "twice.graft"]],
  [3, "error", ["check", "none.graft"]],
  [0, "format", ["format", "tiny.graft"]],
  [1, "format", ["format", "loose.graft", "--check"]],
  [0, "format", ["format", "-"]],
  [2, "error", ["format", "tiny.graft", "--chekc"]],
  [0, "expand", ["expand", xfusion, "--model", "XFuse"]],
  [0, "expand", ["expand", "reference.graft"]],
  [1, "diagnostics", ["expand", "twice.graft"]],
  [0, "inspect", ["inspect", xfusion, "--model", "DualTower", "--svg", "drawn.svg"]],
  [0, "inspect", ["inspect", "open.graft"]],
  [1, "diagnostics", ["inspect", "broken.graft"]],
  [0, "compile", [...compile, "bare", "tiny.graft"]],
  [0, "compile", [...compile, "ordered", "ordered.graft"]],
  [0, "compile", [...compile, "guided", "guided.graft", "--model", "DualTower"]],
  [0, "expand", ["expand", "guided.graft", "--model", "DualTower"]],
  [0, "compile", [...compile, "loaded", "reference.graft", "--weights", "language=hub"]],
  [0, "compile", [...compile, "dual", xfusion, "--model", "DualTower", "--seed", "1"]],
  [0, "compile", [...compile, "dit", xfusion, "--model", "DualTowerDiT"]],
  [1, "diagnostics", [...compile, "never", "broken.graft"]],
  [2, "error", ["compile", "tiny.graft", "--out", "never"]],
  [0, "verify", ["verify", "tiny.graft"]],
  [0, "verify", ["verify", xfusion, "--model", "DualTower1B"]],
  [1, "diagnostics", ["verify", "broken.graft"]],
  [0, "generate", ["generate", "dual", "--prompt", "A", "--image", photo, "--out", "drawn.png"]],
  [0, "generate", ["generate", "tiny.graft", "--seed", "1", "--prompt", "A"]],
  [3, "error", ["generate", "none", "--prompt", "A"]],
  [0, "compile", [...compile, "learning", xfusion, "--model", "DualTower", "--seed", "1", "--train"]],
  [0, "train", [...train, "--validation", "samples", "--out", "trained"]],
  [0, "train", [...train, "--out", "trained", "--resume"]],
  [3, "error", [...train, "--out", "trained"]],
  [0, "explain", ["explain", "depths-differ"]],
  [0, "codes", ["explain"]],
  [2, "error", ["explain", "depths-difer"]],
  [0, "doctor", ["doctor"]],
  [2, "error", ["doctor", "me"]],
  [2, "error", ["chekc"]],
];

describe("what a command writes is as its schema says", () => {
  test.each(calls)("%d, %s: %j", async (status, schema, args) => {
    const ran = await inside([...args, "--json"], { cwd: folder, input: tiny });
    expect([ran.status, judge(ran.stdout)]).toEqual([status, `graftwerk/${schema}@${schema === "generate" ? 2 : 1}`]);
  });

  test.each<[string, Verifier.Subject]>([
    [
      "in a layer",
      { weights: (weight, right) => (weight.path.includes("layers") ? right(weight).map((x) => -x) : right(weight)) },
    ],
    ["in a call", { feed: (inputs) => ({ "text.id": inputs["text.id"]! }) }],
  ])("a verification that fails %s", async (_, subject) => {
    broken.subject = subject;
    const ran = await inside(["verify", "tiny.graft", "--json"], { cwd: folder });
    broken.subject = undefined;
    expect([ran.status, judge(ran.stdout)]).toEqual([4, "graftwerk/verify@1"]);
  });

  test("a bug of ours", () => {
    const fault = "data:text/javascript,Array.prototype.flatMap = () => { throw new Error('a broken thing'); };";
    const ran = graftwerk(["expand", "tiny.graft", "--json"], { cwd: folder, node: [`--import=${fault}`] });
    expect([ran.status, judge(ran.stdout)]).toEqual([70, "graftwerk/error@1"]);
  });

  test.each(["bare", "ordered", "guided", "loaded", "dual", "dit", "learning"])("the manifest of %s", (name) => {
    expect(judge(readFileSync(join(folder, name, "manifest.json"), "utf8"))).toBe("graftwerk/manifest@2");
  });

  test("a checkpoint", () => {
    const stored = readFileSync(join(folder, "trained", "step-000002", "train.json"), "utf8");
    expect(judge(stored)).toBe("graftwerk/checkpoint@1");
  });

  test("bindings", () => {
    const ran = graftwerk(["compile", "tiny.graft", "--target", "onnx", "--bindings", "--out", "bound", "--json"], {
      cwd: folder,
    });
    expect([ran.status, judge(ran.stdout)]).toEqual([0, "graftwerk/compile@1"]);
    expect(judge(readFileSync(join(folder, "bound", "manifest.json"), "utf8"))).toBe("graftwerk/manifest@2");
  });

  test("every command has succeeded and failed", () => {
    for (const { name } of commands)
      for (const failed of [false, true])
        expect(
          calls.some(([status, , args]) => args[0] === name && status > 0 === failed),
          `${name} ${failed ? "fails" : "succeeds"}`,
        ).toBe(true);
  });
});

describe("schemas", () => {
  test("are what the sources say", () => {
    const script = join(root, "scripts", "schemas.mjs");
    const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("are named in the pages, and no others", () => {
    const pages = readFileSync(join(root, "docs", "commands.md"), "utf8");
    const named = new Set([...pages.matchAll(/graftwerk\/\w+@\d+/g)].map(([id]) => id));
    expect([...named].sort()).toEqual([...published.keys()].sort());
  });

  test("refuse what they do not name", () => {
    for (const [id, { validate }] of published)
      for (const json of outputs.get(id)!) expect(validate({ ...(json as object), stranger: 1 }), id).toBe(false);
  });

  test("name nothing that no output has", () => {
    const fits = new Map<Form, ValidateFunction>();
    const isAs = (form: Form, value: unknown): boolean => {
      if (!fits.has(form)) fits.set(form, ajv.compile(form));
      return fits.get(form)!(value);
    };
    /** Marks every member of a form that a value has. */
    const mark = (form: Form, value: unknown, seen: Set<Form>): void => {
      seen.add(form);
      for (const each of (form["anyOf"] ?? form["oneOf"] ?? []) as readonly Form[])
        if (isAs(each, value)) mark(each, value, seen);
      const items = form["items"] as Form | undefined;
      if (Array.isArray(value)) for (const item of items === undefined ? [] : value) mark(items!, item, seen);
      else if (typeof value === "object" && value !== null) {
        const properties = form["properties"] as Readonly<Record<string, Form>> | undefined;
        const others = form["additionalProperties"];
        for (const [key, item] of Object.entries(value)) {
          const inner = properties?.[key] ?? (typeof others === "object" ? (others as Form) : undefined);
          if (inner !== undefined) mark(inner, item, seen);
        }
      }
    };
    /** Every member of a form, by its place. */
    const members = (form: Form, where: string): [string, Form][] => [
      ...((form["anyOf"] ?? form["oneOf"] ?? []) as readonly Form[]).flatMap((each) => members(each, where)),
      ...(form["items"] === undefined ? [] : members(form["items"] as Form, `${where}[]`)),
      ...Object.entries((form["properties"] ?? {}) as Readonly<Record<string, Form>>).flatMap(
        ([key, each]): [string, Form][] => [[`${where}.${key}`, each], ...members(each, `${where}.${key}`)],
      ),
    ];
    const unseen = [...published].flatMap(([id, { form }]) => {
      const seen = new Set<Form>();
      for (const json of outputs.get(id) ?? []) mark(form, json, seen);
      return members(form, id).flatMap(([where, each]) => (seen.has(each) ? [] : [where]));
    });
    expect(unseen).toEqual([]);
  });
});
