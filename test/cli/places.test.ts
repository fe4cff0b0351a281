// What may lie under a name that is plain: links that lead elsewhere or nowhere, folders, pipes, sockets, devices. Each is
// refused in words, and at once: a pipe that nobody writes to must not make the tool wait.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { decodeModel, encodeModel } from "../../compiler/target/onnx/proto.ts";
import { Failure, openCheckpoint, openSession } from "../../runtime/index.ts";
import { entry, file } from "../runtime/hostile/file.ts";
import { page } from "../robustness/page.ts";
import { inside } from "./inside.ts";
import { tiny } from "./specs.ts";

let root: string;
let own: string;
let server: Server | undefined;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "gw-places-"));
  const at = (...path: string[]): string => join(root, "right", ...path);
  for (const name of ["checkpoint", "specification"]) mkdirSync(at(name), { recursive: true });
  const args = ["compile", "-", "--target", "onnx", "--seed", "1", "--out", "compiled"];
  expect(await inside(args, { cwd: at(), input: tiny })).toMatchObject({ status: 0 });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) writeFileSync(at("compiled", name), "{}");
  for (const [name, key] of Object.entries({ x: "a", y: "b" }))
    writeFileSync(at("checkpoint", `${name}.safetensors`), file(`{"${key}":${entry("F32", "[1]", 0, 4)}}`, 4));
  const index = { weight_map: { a: "x.safetensors", b: "y.safetensors" } };
  writeFileSync(at("checkpoint", "model.safetensors.index.json"), JSON.stringify(index));
  const block = /block Block[^]*?\n}\n/.exec(tiny)![0];
  writeFileSync(at("specification", "main.graft"), `import { Block } from "part"\n${tiny.replace(block, "")}`);
  writeFileSync(at("specification", "part.graft"), block);
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => {
  own = mkdtempSync(join(root, "case-"));
  cpSync(join(root, "right"), own, { recursive: true });
});
afterEach(() => void server?.close());

type Put = (path: string) => unknown;
const leading =
  (to: string): Put =>
  (path) =>
    symlinkSync(to, path);
/** A link to a plain file is named by where that lies. */
const outside = "a link to a file outside";
const beside = "a link to a file beside it";
const hostile: Readonly<Record<string, Put>> = {
  "a link to nothing": leading("nowhere"),
  "a link to itself": (path) => symlinkSync(path, path),
  "a link to a folder": leading(".."),
  "a folder": (path) => mkdirSync(path),
  "a pipe": (path) => spawnSync("mkfifo", [path]),
  "a link to a pipe": (path) => {
    spawnSync("mkfifo", [`${path}.pipe`]);
    symlinkSync(`${path}.pipe`, path);
  },
  "a socket": (path) =>
    new Promise<void>((resolve) => {
      server = createServer().listen(path, resolve);
    }),
  "a link to bytes without end": leading("/dev/zero"),
  "a link to chance without end": leading("/dev/urandom"),
  "a link to a device without bytes": leading("/dev/null"),
};

interface Role {
  readonly what: string;
  readonly path: readonly [string, string];
  readonly use: () => Promise<unknown>;
  /** links to plain files that are followed: the caches of hubs are made of links, and a user may name one */
  readonly follows: readonly string[];
  /** of a link that is not */
  readonly said: RegExp;
}
const ran = async (...args: readonly string[]): Promise<void> => {
  const { status, stderr } = await inside(args, { cwd: own });
  if (status === 70) throw new Error(stderr);
  if (status !== 0) throw new Failure("file", stderr);
};
const opened = async (): Promise<void> => {
  const session = await openSession(join(own, "compiled"));
  await session.run("forward(text)", {}).finally(() => session.close());
};
const checkpoint = async (...path: string[]): Promise<void> =>
  (await openCheckpoint(join(own, "checkpoint", ...path))).close();
const generated = (): Promise<void> => ran("generate", "compiled", "--prompt", "a");
const checked = (): Promise<void> => ran("check", "specification/main.graft");
const strict = { follows: [], said: /is not a file itself/ };
const lenient = {
  follows: [outside, beside],
  said: /is not a file|no such file|cannot be (?:opened|read)|holds no weights/,
};
const INDEX = "model.safetensors.index.json";
const roles: readonly Role[] = [
  { what: "the manifest", path: ["compiled", "manifest.json"], use: opened, ...strict },
  { what: "a graph", path: ["compiled", "forward.text.onnx"], use: opened, ...strict },
  { what: "the weights of a graph", path: ["compiled", "weights.safetensors"], use: opened, ...strict },
  { what: "a compiled tokenizer", path: ["compiled", "tokenizer.json"], use: generated, ...strict },
  { what: "a tokenizer's settings", path: ["compiled", "tokenizer_config.json"], use: generated, ...strict },
  { what: "an index", path: ["checkpoint", INDEX], use: () => checkpoint(INDEX), ...lenient },
  { what: "a shard", path: ["checkpoint", "y.safetensors"], use: () => checkpoint(), ...lenient },
  { what: "a checkpoint", path: ["checkpoint", "x.safetensors"], use: () => checkpoint("x.safetensors"), ...lenient },
  { what: "a specification", path: ["specification", "main.graft"], use: checked, ...lenient },
  {
    what: "an import",
    path: ["specification", "part.graft"],
    use: checked,
    follows: [beside],
    said: /leads out of the folder|is not a file|There is no file|cannot be (?:opened|read)/i,
  },
];
const refusal = async (use: () => Promise<unknown>): Promise<Failure> => {
  const before = performance.now();
  const thrown: unknown = await use().catch((cause: unknown) => cause);
  expect(performance.now() - before).toBeLessThan(10_000);
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
};

/** As a graph may name the file of its data; `absolute` stands for a path from the root. */
const NAMES = [
  "../away.bin",
  "../compiled/../away.bin",
  "./../away.bin",
  "d/../../away.bin",
  "linked.bin",
  "linked/away.bin",
  "/dev/zero",
  "..",
  "",
  "nowhere.bin",
  "absolute",
];

describe.skipIf(process.platform === "win32")("where a plain file must lie", () => {
  const cases = roles.flatMap((role) =>
    [...Object.keys(hostile), outside, beside].map((kind) => [role.what, kind, role] as const),
  );
  test("there are forty cases", () => {
    const refusedCases = cases.filter(([, kind, { follows }]) => !follows.includes(kind));
    expect(refusedCases.length).toBeGreaterThanOrEqual(40);
    expect(page).toContain(`under plain names | ${refusedCases.length} |`);
    expect(page).toContain(`named by a graph | ${NAMES.length} |`);
  });
  test.each(cases)("%s: %s", async (_, kind, { path: [part, name], use, follows, said }) => {
    const path = join(own, part, name);
    const [away, near] = [join(own, `away-${name}`), join(own, part, `near-${name}`)];
    for (const copy of [away, near]) copyFileSync(path, copy);
    rmSync(path);
    await (hostile[kind] ?? leading(kind === outside ? away : near))(path);
    if (follows.includes(kind)) await use();
    else expect((await refusal(use)).message).toMatch(said);
  });
});

describe("a graph that names data elsewhere", () => {
  /** Opens the graph with all its data at this place. */
  const placedAt = async (name: string): Promise<string> => {
    const [graph, weights] = ["forward.text.onnx", "weights.safetensors"].map((each) => join(own, "compiled", each));
    const away = join(own, "away.bin");
    copyFileSync(weights!, away);
    symlinkSync(away, join(own, "compiled", "linked.bin"));
    symlinkSync(own, join(own, "compiled", "linked"));
    mkdirSync(join(own, "compiled", "d"));
    const model = decodeModel(readFileSync(graph!));
    for (const tensor of model.graph!.initializer!)
      for (const place of tensor.externalData ?? [])
        if (place.key === "location") place.value = name === "absolute" ? away : name;
    writeFileSync(graph!, encodeModel(model));
    return (await refusal(opened)).message;
  };
  test.each(NAMES)("%j", async (name) =>
    expect(await placedAt(name)).toMatch(/program forward\(text\): .* cannot be opened/),
  );
  test("and one that names its own opens", async () =>
    expect(await placedAt("weights.safetensors")).toMatch(/program forward\(text\): the input .* is missing/));
});
