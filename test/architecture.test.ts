// The rules that keep the parts apart: who may import whom, no cycles, pure grammar and compiler, small files, names that
// say something. Read from the syntax trees of the sources, so that a comment or a text never counts.
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const SKIPPED = new Set(["node_modules", "dist", "out", ".git"]);

const walk = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path.replaceAll("\\", "/")];
  });
const everything = walk(".");
const LAYERS = ["grammar", "compiler", "runtime", "cli"];
const sources = everything.filter((path) => path.endsWith(".ts") && LAYERS.includes(path.split("/")[0]!));

interface Import {
  /** Our own file, from the root; or a package's name. */
  readonly target: string;
  readonly own: boolean;
  readonly typeOnly: boolean;
}
interface Source {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

const each = (node: ts.Node, visit: (node: ts.Node) => void): void => {
  visit(node);
  ts.forEachChild(node, (child) => each(child, visit));
};

const importOf = (node: ts.Node): { specifier: ts.Node; typeOnly: boolean } | undefined => {
  if (ts.isImportDeclaration(node)) return { specifier: node.moduleSpecifier, typeOnly: isTypeOnly(node.importClause) };
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    return { specifier: node.moduleSpecifier, typeOnly: node.isTypeOnly };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return { specifier: node.arguments[0]!, typeOnly: false };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { specifier: node.argument.literal, typeOnly: true };
  }
  return undefined;
};

const isTypeOnly = (clause: ts.ImportClause | undefined): boolean => {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((item) => item.isTypeOnly)
  );
};

const read = (path: string): Source => {
  const text = readFileSync(join(root, path), "utf8");
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  each(tree, (node) => {
    const found = importOf(node);
    if (found === undefined) return;
    if (!ts.isStringLiteral(found.specifier)) throw new Error(`${path}: imports a computed name`);
    const name = found.specifier.text;
    const own = name.startsWith(".");
    imports.push({
      target: own ? join(dirname(path), name).replaceAll("\\", "/") : name,
      own,
      typeOnly: found.typeOnly,
    });
  });
  return { path, text, tree, imports };
};
const files = sources.map(read);

/** Where an import may point, by the folder it stands in; the longest prefix of a path decides. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "grammar/": ["grammar/"],
  "compiler/": ["compiler/", "grammar/"],
  "compiler/ir/": ["compiler/ir/"],
  "compiler/analyze/": [
    "compiler/analyze/",
    "compiler/messages.ts",
    "compiler/ir/dim.ts",
    "compiler/ir/vocabulary.ts",
    "grammar/",
  ],
  "compiler/oracle/": ["compiler/oracle/", "compiler/analyze/model.ts"],
  "compiler/rows/": [
    "compiler/rows/",
    "compiler/analyze/model.ts",
    "compiler/analyze/printMask.ts",
    "compiler/ir/dim.ts",
  ],
  "compiler/lower/": ["compiler/lower/", "compiler/analyze/model.ts", "compiler/rows/", "compiler/ir/"],
  "compiler/optimize/": ["compiler/optimize/", "compiler/ir/"],
  "compiler/gradient/": ["compiler/gradient/", "compiler/ir/"],
  "compiler/target/": [
    "compiler/target/",
    "compiler/ir/",
    "compiler/optimize/",
    "runtime/manifest.ts",
    "runtime/plan.ts",
  ],
  "compiler/bindings/": ["compiler/bindings/", "runtime/manifest.ts"],
  "compiler/std/": [],
  "runtime/": ["runtime/"],
  "cli/": ["cli/", "runtime/", "compiler/", "grammar/"],
};
/** Imports across these must be of types: the other side is a format or a description, never code that runs. */
const typesOnly: readonly (readonly [string, string])[] = [
  ["compiler/oracle/", "compiler/analyze/"],
  ["compiler/target/", "runtime/"],
  ["compiler/bindings/", "runtime/"],
];

const ruleOf = (path: string): readonly string[] =>
  allowed[
    Object.keys(allowed)
      .filter((prefix) => path.startsWith(prefix))
      .sort((a, b) => b.length - a.length)[0]!
  ]!;

describe("layers", () => {
  test("there is something to judge", () => {
    for (const layer of ["grammar", "compiler", "runtime"])
      expect(files.some(({ path }) => path.startsWith(layer))).toBe(true);
  });

  test("imports point where the table allows", () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ own, target }) => own && !ruleOf(path).some((to) => target.startsWith(to)))
        .map(({ target }) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("some may take types alone", () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter(
          ({ target, typeOnly }) =>
            !typeOnly && typesOnly.some(([from, to]) => path.startsWith(from) && target.startsWith(to)),
        )
        .map(({ target }) => `${path} imports more than types of ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("only these packages are used, each in its place", () => {
    const places: Readonly<Record<string, string>> = {
      chevrotain: "grammar/",
      "onnx-proto": "compiler/target/onnx/",
      typescript: "compiler/bindings/",
      "onnxruntime-node": "runtime/onnx/",
      sharp: "runtime/media/",
      webgpu: "runtime/webgpu/",
      "@huggingface/tokenizers": "runtime/text/",
    };
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ own, target }) => !own && !target.startsWith("node:"))
        .filter(({ target }) => !path.startsWith(places[target] ?? "nowhere"))
        .map(({ target }) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("no cycles, imports of types included", () => {
    const targets = new Map(
      files.map(({ path, imports }) => [path, imports.filter(({ own }) => own).map(({ target }) => target)]),
    );
    /** Everything that an import leads to from here, directly or not. */
    const reached = (from: string): Set<string> => {
      const seen = new Set<string>();
      const follow = (path: string): void => {
        for (const target of targets.get(path) ?? []) {
          if (seen.has(target)) continue;
          seen.add(target);
          follow(target);
        }
      };
      follow(from);
      return seen;
    };
    const reach = new Map([...targets.keys()].map((path) => [path, reached(path)]));
    const circles = [...reach].map(([path, seen]) => [...seen].filter((other) => reach.get(other)?.has(path)).sort());
    const cycles = new Set(circles.filter((circle) => circle.length > 0).map((circle) => circle.join(" <-> ")));
    expect([...cycles]).toEqual([]);
  });
});

/** What a pure module must not know: the machine, the clock, chance. */
const IMPURE = new Set([
  ..."process Buffer console performance Date crypto fetch window document navigator self location".split(" "),
  ..."setTimeout setInterval setImmediate queueMicrotask globalThis eval Function require __dirname".split(" "),
]);

/** Names that a file declares itself, and names it uses as values. */
const namesOf = (tree: ts.SourceFile): { declared: Set<string>; used: Set<string> } => {
  const declared = new Set<string>();
  const used = new Set<string>();
  each(tree, (node) => {
    if (!ts.isIdentifier(node)) return;
    const { parent } = node;
    const names = "name" in parent && parent.name === node;
    const declares =
      ts.isVariableDeclaration(parent) ||
      ts.isParameter(parent) ||
      ts.isBindingElement(parent) ||
      ts.isImportSpecifier(parent);
    if (names && (declares || ts.isFunctionDeclaration(parent) || ts.isTypeElement(parent))) declared.add(node.text);
    else if (!names && !ts.isTypeReferenceNode(parent)) used.add(node.text);
  });
  return { declared, used };
};

describe("purity of grammar and compiler", () => {
  const pure = files.filter(({ path }) => path.startsWith("grammar/") || path.startsWith("compiler/"));

  test("no module of Node", () => {
    const wrong = pure.flatMap(({ path, imports }) =>
      imports.filter(({ target }) => target.startsWith("node:")).map(({ target }) => `${path}: ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("no machine, clock or chance", () => {
    const wrong = pure.flatMap(({ path, tree }) => {
      const { declared, used } = namesOf(tree);
      return [...used].filter((name) => IMPURE.has(name) && !declared.has(name)).map((name) => `${path}: ${name}`);
    });
    const random = pure.filter(({ tree }) => {
      let found = false;
      each(tree, (node) => {
        if (ts.isPropertyAccessExpression(node) && node.getText() === "Math.random") found = true;
      });
      return found;
    });
    expect([...wrong, ...random.map(({ path }) => `${path}: Math.random`)]).toEqual([]);
  });
});

describe("form", () => {
  const LONGEST = 400;
  const generated = new Set(["compiler/std/index.ts", "cli/explanations.ts"]);

  test(`no file above ${LONGEST} lines`, () => {
    const long = files.filter(({ path, text }) => !generated.has(path) && text.split("\n").length - 1 > LONGEST);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  test("each file begins by saying what it is", () => {
    expect(files.filter(({ text }) => !text.replace(/^#!.*\n/, "").startsWith("//")).map(({ path }) => path)).toEqual(
      [],
    );
  });

  test("no default exports, enums, namespaces, or any", () => {
    const wrong: string[] = [];
    for (const { path, tree } of files) {
      each(tree, (node) => {
        const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
        const isDefault =
          ts.isExportAssignment(node) ||
          (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent));
        const banned =
          ts.isEnumDeclaration(node) || ts.isModuleDeclaration(node) || node.kind === ts.SyntaxKind.AnyKeyword;
        if (isDefault || banned) wrong.push(`${path}:${line}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  test("no file named for nothing", () => {
    const empty = /^(?:utils?|common|misc|types|helpers?|manager|base|stuff|tools?)$/;
    const named = everything.filter((path) =>
      path.split("/").some((part) => empty.test(basename(part).replace(/\..*$/, ""))),
    );
    expect(named).toEqual([]);
  });

  test("no text speaks of one machine", () => {
    const machine = /(?:^|[\s"'`(=:])\/(?:work|tmp|root|home\/\w+|Users\/\w+)\/|[A-Z]:\\Users\\/;
    const TEXT = /\.(?:ts|mjs|js|json|md|graft|py|txt|html|svg|yml|yaml|toml)$|^\.|\/run$/;
    const found = everything.filter((path) => TEXT.test(path) && machine.test(readFileSync(join(root, path), "utf8")));
    expect(found.map((path) => relative(".", path))).toEqual([]);
  });
});
