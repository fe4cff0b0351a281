// Names and texts of a manifest never become anything but names and texts: whatever they are, the declarations have the
// same statements and the module does the same.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bindings } from "../../compiler/bindings/index.ts";
import { methodsOf } from "../../compiler/bindings/methods.ts";
import { Random } from "../ir/random.ts";
import { hostile } from "./hostile.ts";
import { described, type Described } from "./manifests.ts";

const ROUNDS = 60;
let folder: string;
let cases: readonly Described[];
beforeAll(() => {
  const models = [described("llama", "LlamaModel"), described("xfusion", "DualTower")];
  cases = Array.from({ length: ROUNDS }, (_, i) => hostile(models[i % 2]!, new Random(i)));
  folder = mkdtempSync(join(tmpdir(), "graftwerk-hostile-"));
  const runtime = join(folder, "node_modules", "graftwerk");
  mkdirSync(runtime, { recursive: true });
  writeFileSync(
    join(runtime, "package.json"),
    '{ "name": "graftwerk", "type": "module", "exports": { "./runtime": "./runtime.js" } }',
  );
  const session =
    "{ manifest: 1, run: (program, inputs) => [program, inputs], forward: 2, start: 3, append: 4, close: 5 }";
  writeFileSync(
    join(runtime, "runtime.js"),
    `export const openSession = async (folder, options) => ({ ...${session}, $folder: folder, $options: options });`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Opens every model in a process of its own, and tells what it found. */
const opening = `
const before = Object.getOwnPropertyNames(globalThis);
const found = [];
for (let i = 0; i < ${ROUNDS}; i++) {
  const loaded = await import(new URL(encodeURIComponent(i + " % #é") + "/model.mjs", import.meta.url));
  const model = await loaded.open({ threads: 1 });
  const { $folder: folder, $options: options } = model;
  const members = Object.keys(model);
  found.push({
    exported: Object.keys(loaded),
    members,
    plain: Object.getPrototypeOf(model) === Object.prototype,
    globals: Object.getOwnPropertyNames(globalThis).filter((name) => !before.includes(name)),
    folder,
    options,
    runs: members.slice(8).map((name) => model[name]({ inputs: 1 })),
  });
}
console.log(JSON.stringify(found));
`;

const parsed = (name: string, text: string): ts.SourceFile => {
  const file = ts.createSourceFile(name, text, { languageVersion: ts.ScriptTarget.Latest }, true);
  const { diagnostics } = ts.transpileModule(text, {
    fileName: name.replace(".d.mts", ".mts"),
    reportDiagnostics: true,
  });
  expect(diagnostics!.map(({ messageText }) => messageText)).toEqual([]);
  return file;
};
const each = (node: ts.Node, visit: (node: ts.Node) => void): void => {
  visit(node);
  ts.forEachChild(node, (child) => each(child, visit));
};

describe(`of ${ROUNDS} manifests with hostile names`, () => {
  test("the declarations are the same declarations, and have every name as it is", () => {
    for (const { manifest, notes } of cases) {
      const file = parsed("model.d.mts", bindings(manifest, notes).declarations);
      const said = file.statements.map((statement) =>
        ts.isVariableStatement(statement) || ts.isImportDeclaration(statement)
          ? ts.SyntaxKind[statement.kind]
          : (statement as ts.InterfaceDeclaration | ts.TypeAliasDeclaration).name.text,
      );
      const order =
        "ImportDeclaration Model FirstStatement Programs Caches Rows Spans Inputs Phases Types Kind Modality Row Document Part";
      expect(said).toEqual(order.split(" "));
      expect([file.referencedFiles, file.typeReferenceDirectives, file.libReferenceDirectives]).toEqual([[], [], []]);
      const interfaces = file.statements.filter((statement) => ts.isInterfaceDeclaration(statement));
      const members = (name: string): string[] =>
        interfaces
          .find((found) => found.name.text === name)!
          .members.map((member) => {
            expect(ts.isPropertySignature(member) || ts.isMethodSignature(member)).toBe(true);
            return (member.name as ts.Identifier | ts.StringLiteral).text;
          });
      const namesOf = (some: readonly { readonly name: string }[]): string[] => some.map(({ name }) => name);
      expect(members("Programs")).toEqual(namesOf(manifest.programs));
      expect(members("Caches")).toEqual(namesOf(manifest.caches));
      expect(members("Model")).toEqual(methodsOf(namesOf(manifest.programs)));
      const rows = manifest.modalities.flatMap((each) =>
        each.is === "tokens" ? [each.name] : each.segments.map(({ kind }) => kind),
      );
      expect(members("Rows")).toEqual(rows);
    }
  });

  test("the module imports what it imports, exports `open`, and runs programs by their names", () => {
    for (const [i, { manifest, notes }] of cases.entries()) {
      const { module } = bindings(manifest, notes);
      const file = parsed("model.mjs", module);
      expect(file.statements.map(({ kind }) => ts.SyntaxKind[kind])).toEqual([
        "ImportDeclaration",
        "ImportDeclaration",
        "FirstStatement",
      ]);
      const called = new Set<string>();
      each(file, (node) => {
        if (ts.isCallExpression(node) || ts.isNewExpression(node)) called.add(node.expression.getText());
      });
      expect([...called].sort()).toEqual(["URL", "fileURLToPath", "openSession", "session.run"]);
      const own = join(folder, `${i} % #é`);
      mkdirSync(own);
      writeFileSync(join(own, "model.mjs"), module);
    }
    writeFileSync(join(folder, "open.mjs"), opening);
    const { stdout, stderr } = spawnSync(process.execPath, [join(folder, "open.mjs")], { encoding: "utf8" });
    expect(stderr).toBe("");
    const opened = JSON.parse(stdout) as unknown[];
    for (const [i, { manifest }] of cases.entries()) {
      const programs = manifest.programs.map(({ name }) => name);
      const session = ["manifest", "run", "forward", "start", "append", "close", "$folder", "$options"];
      expect(opened[i]).toEqual({
        exported: ["open"],
        members: [...session, ...methodsOf(programs)],
        plain: true,
        globals: [],
        folder: join(folder, `${i} % #é`, "/"),
        options: { threads: 1 },
        runs: programs.map((name) => [name, { inputs: 1 }]),
      });
    }
  });
});

describe("methods", () => {
  test("are a program's words", () => {
    expect(methodsOf(["forward(text, image)", "decode(text)", "read(image_two.patch)"])).toEqual([
      "forwardTextImage",
      "decodeText",
      "readImageTwoPatch",
    ]);
  });
  test("differ from each other and from what a model has besides", () => {
    const names = [
      "a b",
      "a_b",
      "a(b2)",
      "aB",
      "forward",
      "run",
      "then",
      "",
      "*/",
      "1",
      "new",
      "__proto__",
      "constructor",
    ];
    expect(methodsOf(names).join(" ")).toBe(
      "aB aB2 aB22 aB3 forward2 run2 then2 program program2 program1 new proto constructor2",
    );
  });
});
