// Consumers of bindings, checked by TypeScript as those of a user are, with everything in one program: the bindings of a
// model lie in a folder of its name, and whoever uses them beside it.
import { join } from "node:path";
import ts from "typescript";
import { bindings } from "../../compiler/bindings/index.ts";
import { root } from "../cli/built.ts";
import type { Described } from "./manifests.ts";

export interface Mistake {
  /** where in the text, from 0 */
  readonly at: number;
  readonly message: string;
}

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  types: ["node", "@webgpu/types"],
  paths: { "graftwerk/runtime": [join(root, "runtime", "index.ts")] },
};
const folder = join(root, "nowhere");

/** Checks `texts` (`DualTower/use.mts`) beside the bindings of models; gives what is wrong with each, and with bindings. */
export const checked = (
  models: readonly Described[],
  texts: Readonly<Record<string, string>>,
): ReadonlyMap<string, readonly Mistake[]> => {
  const files = new Map(Object.entries(texts).map(([name, text]) => [join(folder, name), text]));
  for (const { manifest, notes } of models)
    files.set(join(folder, manifest.model, "model.d.mts"), bindings(manifest, notes).declarations);
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.directoryExists = () => true;
  host.getSourceFile = (path, options, ...rest) => {
    const text = files.get(path);
    return text === undefined ? getSourceFile(path, options, ...rest) : ts.createSourceFile(path, text, options, true);
  };
  const program = ts.createProgram([...files.keys()], OPTIONS, host);
  return new Map(
    [...files.keys()].map((path) => {
      const file = program.getSourceFile(path)!;
      const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
      return [
        path.slice(folder.length + 1).replaceAll("\\", "/"),
        found.map(({ start = -1, messageText }) => ({
          at: start,
          message: ts.flattenDiagnosticMessageText(messageText, "\n"),
        })),
      ];
    }),
  );
};
