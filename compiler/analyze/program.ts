// Files and their declarations: imports followed, names declared, models listed. The reading of files is the caller's.
import type * as ast from "../../grammar/ast.ts";
import type { Report } from "../../grammar/diagnostic.ts";
import type { Source } from "../../grammar/source.ts";
import { Context, isLibrary, type Shared } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { analyzeModel } from "./analyze.ts";
import { reportUnknownNames } from "./names.ts";
import type { MessageTable } from "./messages.ts";
import type { At, Model } from "./model.ts";
import { describe, error, Scope, type Bridge, type ModelApplication, type Value } from "./value.ts";

/** Gives a file's syntax tree by its path; undefined: there is no such file, or it does not parse (then that was said). */
export interface Files {
  /** paths of the library's files */
  readonly library: readonly string[];
  load(path: string): "missing" | "broken" | { readonly source: Source; readonly file: ast.File };
}
export const fileLimits = { files: 64, depth: 16 } as const;

interface Loaded {
  readonly scope: Scope;
  readonly file: ast.File;
}
export class Program {
  readonly report: Report<MessageTable>;
  readonly #files: Files;
  readonly #loaded = new Map<string, Loaded | undefined>();
  readonly #shared: Shared = { said: new Set(), depth: 0, work: 0 };
  readonly #open: string[] = [];
  /** whether more files were asked for than may be */
  #full = false;

  constructor(report: Report<MessageTable>, files: Files) {
    this.report = report;
    this.#files = files;
  }

  context(): Context {
    return new Context(this.report, this.#shared, evaluate);
  }

  /** The names of the models of a file, in order; undefined where it cannot be read. */
  open(path: string): { readonly models: readonly ast.Name[]; readonly scope: Scope } | undefined {
    const loaded = this.#load(path, undefined);
    if (!loaded) return undefined;
    const isModel = (d: ast.Declaration): boolean => d.kind === "model" || (d.kind === "alias" && d.role === "model");
    return { models: loaded.file.declarations.filter(isModel).map((d) => d.name), scope: loaded.scope };
  }

  /** The analysed model of that name; undefined after a mistake that was reported. */
  model(scope: Scope, name: ast.Name): Model | undefined {
    const cx = this.context();
    const found = scope.lookup(name.text);
    if (!found || found === "cycle" || found.kind === "error") return undefined;
    const application = this.#applied(cx, found, scope.at(name));
    return application && analyzeModel(cx, application, name.text);
  }

  /** Whether a model needs arguments to be analysed: `model Spread(language: Language)` is a template. */
  isTemplate(scope: Scope, name: ast.Name): boolean {
    const found = scope.lookup(name.text);
    return (
      found !== undefined && found !== "cycle" && found.kind === "model" && found.model.parameters.some((p) => !p.value)
    );
  }

  /** Reports what is wrong in the user's own files whether or not a model uses it: names, and what stands after `=`. */
  checkNames(): void {
    for (const [path, loaded] of this.#loaded) {
      if (!loaded || isLibrary(path)) continue;
      reportUnknownNames(this.context(), loaded.file, loaded.scope);
      for (const declaration of loaded.file.declarations) loaded.scope.lookup(declaration.name.text);
    }
  }

  #applied(cx: Context, value: Value, at: At): ModelApplication | undefined {
    if (value.kind === "modelApplication") return value;
    if (value.kind === "model") {
      const { model, scope } = value;
      return {
        kind: "modelApplication",
        model,
        scope,
        arguments: new Map(),
        places: new Map(),
        bridge: undefined,
        ...at,
      };
    }
    return void cx.fail("not-a-model", at, [describe(value)]);
  }

  #load(path: string, from: At | undefined): Loaded | undefined {
    if (this.#loaded.has(path)) return this.#loaded.get(path);
    const at = from ?? { path, span: { from: 0, to: 0 } };
    const cx = this.context();
    if (this.#loaded.size + this.#open.length >= fileLimits.files) {
      if (!this.#full) cx.fail("limit-files", at, [fileLimits.files]);
      this.#full = true;
      return undefined;
    }
    if (this.#open.length >= fileLimits.depth) return void cx.fail("limit-imports", at, [fileLimits.depth]);
    const found = this.#files.load(path);
    if (found === "missing") this.#missing(cx, path, from);
    if (typeof found === "string") {
      this.#loaded.set(path, undefined);
      return undefined;
    }
    const scope = new Scope(root(path), path, "");
    const loaded = { scope, file: found.file };
    this.#open.push(path);
    for (const each of found.file.imports) this.#import(cx, each, scope, path);
    this.#open.pop();
    this.#loaded.set(path, loaded);
    for (const declaration of found.file.declarations) this.#declare(cx, declaration, scope);
    return loaded;
  }

  #missing(cx: Context, path: string, from: At | undefined): void {
    if (!from) cx.fail("no-file", { path, span: { from: 0, to: 0 } }, [path]);
    else if (!isLibrary(path)) cx.fail("no-import", from, [path]);
    else cx.fail("no-library", from, [path, cx.nearest(path, this.#files.library), this.#files.library]);
  }

  #import(cx: Context, statement: ast.Import, scope: Scope, path: string): void {
    const at = scope.at(statement.from);
    const target = resolve(path, statement.from.value);
    if (target === undefined) return void cx.fail("import-outside", at, [statement.from.value]);
    if (this.#open.includes(target))
      return void cx.fail("import-cycle", at, [[...this.#open.slice(this.#open.indexOf(target)), target]]);
    const loaded = this.#load(target, at);
    for (const name of statement.names) {
      const here = scope.at(name);
      const known = loaded?.file.declarations.map((d) => d.name.text) ?? [];
      if (loaded && !known.includes(name.text))
        cx.fail("not-exported", here, [name.text, statement.from.value, cx.nearest(name.text, known), known]);
      const value = loaded && known.includes(name.text) ? () => valueOf(loaded.scope, name.text) : () => error;
      declareTop(cx, scope, name, value);
    }
  }

  #declare(cx: Context, declaration: ast.Declaration, scope: Scope): void {
    switch (declaration.kind) {
      case "template":
        return declareTop(cx, scope, declaration.name, () => ({ kind: "template", template: declaration, scope }));
      case "contract":
        return declareTop(cx, scope, declaration.name, () => ({ kind: "contract", contract: declaration, scope }));
      case "model":
        return declareTop(cx, scope, declaration.name, () => ({ kind: "model", model: declaration, scope }));
      case "alias":
        return declareTop(cx, scope, declaration.name, () => this.#alias(declaration, scope));
      default:
        declaration satisfies never;
    }
  }

  #alias(alias: ast.Alias, scope: Scope): Value {
    const cx = this.context();
    const at = scope.at(alias.value);
    const bridged = alias.value.kind === "with" ? alias.value : undefined;
    const value = cx.evaluate(bridged ? bridged.model : alias.value, scope);
    if (value.kind === "error") return value;
    if (alias.role === "model") {
      const application = this.#applied(cx, value, at);
      if (!application) return error;
      const bridge = bridged ? bridgeOf(cx, bridged, scope) : undefined;
      return bridged && !bridge ? error : { ...application, bridge };
    }
    if (bridged) return cx.fail("with-outside", at, []);
    const role = value.kind === "application" || value.kind === "template" ? value.template.role : undefined;
    return role === alias.role ? value : cx.fail("alias-role", at, [alias.role, describe(value)]);
  }
}
const valueOf = (scope: Scope, name: string): Value => {
  const found = scope.lookup(name);
  return found && found !== "cycle" ? found : error;
};

const bridgeOf = (cx: Context, expr: ast.ExprOf<"with">, scope: Scope): Bridge | undefined => {
  const [option] = expr.options;
  const name =
    option?.kind === "reference"
      ? option.name
      : option?.kind === "call" && option.callee.kind === "reference"
        ? option.callee.name
        : "";
  if (!option || name !== "bridge" || expr.options.length > 1)
    return void cx.fail("with-options", scope.at(option ?? expr), []);
  const given = option.kind === "call" ? option.arguments : [];
  const seen = new Set<string>();
  const bridge = { once: false, bias: false, norm: false, init: { kind: "initial", init: "unset" } as Value };
  for (const argument of given) {
    const label = argument.label?.text ?? (argument.value.kind === "reference" ? argument.value.name : "");
    const at = scope.at(argument.label ?? argument.value);
    if (seen.has(label)) return void cx.fail("argument-twice", at, ["bridge", label]);
    seen.add(label);
    const value: Value = argument.label ? cx.evaluate(argument.value, scope) : { kind: "flag", value: true };
    if (value.kind === "error") return undefined;
    if (label === "init") {
      if (value.kind !== "initial" && value.kind !== "normal")
        return void cx.fail("bridge-init", scope.at(argument.value), [describe(value)]);
      bridge.init = value;
    } else if (label === "once" || label === "bias" || label === "norm") {
      if (value.kind !== "flag") return void cx.fail("flag-wanted", scope.at(argument.value), [describe(value)]);
      bridge[label] = value.value;
    } else return void cx.fail("unknown-argument", at, ["bridge", label, ["once", "bias", "norm", "init"]]);
  }
  return bridge;
};

const declareTop = (cx: Context, scope: Scope, name: ast.Name, make: () => Value): void => {
  const before = scope.where(name.text);
  if (scope.has(name.text))
    cx.fail("name-taken", scope.at(name), [name.text], ...(before ? [{ ...before, text: "declared here first" }] : []));
  else scope.define(name.text, make, scope.at(name));
};

/** A path as a file imports it: of the library (`std/llama`), or beside the file and below; undefined: it leads outside. */
export const resolve = (from: string, path: string): string | undefined => {
  if (/^std\/[a-z0-9_]+$/.test(path)) return path;
  if (path.startsWith("std/")) return path;
  if (path.startsWith("/") || /[\\:\0]/.test(path)) return undefined;
  if (from.startsWith("std/")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of path.split("/")) {
    if (part === "..") return undefined;
    if (part !== "." && part !== "") parts.push(part);
  }
  const whole = parts.join("/");
  return whole.endsWith(".graft") ? whole : `${whole}.graft`;
};

/** Names that stand for themselves everywhere. */
const root = (path: string): Scope => {
  const scope = new Scope(undefined, path, "");
  for (const value of [true, false]) scope.set(String(value), { kind: "flag", value });
  for (const op of ["causal", "all"] as const) scope.set(op, { kind: "mask", mask: { op } });
  for (const init of ["zeros", "ones", "identity", "unset"] as const) scope.set(init, { kind: "initial", init });
  return scope;
};
