// From text to artifacts, in one screen: read and parse files, analyse a model, lower it, rewrite it, emit a target.
//
//   text -> [grammar] AST -> [analyze] Model -> [lower] Module -> [optimize] Module -> [target] ONNX
//                                       \-> [oracle] what every number must be
//
// Pure: files come through a function of the caller, nothing is read from a clock or drawn by chance.
import { parse, placeOf, Report, source, syntaxMessages, type Source } from "../grammar/index.ts";
import type * as ast from "../grammar/ast.ts";
import { messages, type MessageTable } from "./analyze/messages.ts";
import { Program, type Files } from "./analyze/program.ts";
import type { At, Model } from "./analyze/model.ts";
import { lower } from "./lower/index.ts";
import { lowerLosses } from "./lower/loss.ts";
import { trainingOf, type TrainingOptions } from "./gradient/training.ts";
import type { ModelModule, Module, Param, Program as LoweredProgram, TrainingModule } from "./ir/module.ts";
import { optimize } from "./optimize/index.ts";
import { unhiddenOf, unkeptOf } from "./rows/again.ts";
import { excessOf, MOST_PROGRAMS } from "./rows/limit.ts";
import { std } from "./std/index.ts";
import { emit } from "./target/onnx/emit.ts";
import type { WeightPlace } from "./target/onnx/place.ts";
import type { ProfileName } from "./target/onnx/profile.ts";
import { type Plan, type PlanOptions, planOf } from "./target/wgsl/plan.ts";
import { tableValues } from "./ir/table.ts";

export type { Model } from "./analyze/model.ts";
export const allMessages = { ...syntaxMessages, ...messages };
export type AllMessages = typeof allMessages;

/** Gives the text of a project's file; undefined: there is none. */
export type ReadFile = (path: string) => string | undefined;

export interface Checked {
  readonly report: Report<AllMessages>;
  /** every source that was read, for code frames */
  readonly sources: readonly Source[];
  /** names of the models that can be compiled as they stand */
  readonly models: readonly string[];
  /** analysed anew at each call; undefined: there is no such model, or it has mistakes, which are then in the report */
  model(name: string): Model | undefined;
  /** Analyses every model that can be compiled as it stands, so that the report holds all that is wrong with them. */
  checkAll(): void;
}

/** The library's files never change: each is parsed once. */
const parsedStd = new Map<string, { readonly source: Source; readonly file: ast.File }>();

/** Reads a specification and everything that it imports, and checks the names in it; models are analysed when asked for. */
export const check = (path: string, read: ReadFile): Checked => {
  const sources: Source[] = [];
  const report = new Report(allMessages, path);
  const files: Files = {
    library: [...std.keys()],
    load: (name) => {
      const known = parsedStd.get(name);
      if (known) {
        sources.push(known.source);
        return known;
      }
      const inLibrary = name.startsWith("std/");
      const text = inLibrary ? std.get(name) : read(name);
      if (text === undefined) return "missing";
      const opened = source(name, text);
      sources.push(opened);
      const file: ast.File | undefined = parse(opened, report);
      if (!file) return "broken";
      if (inLibrary) parsedStd.set(name, { source: opened, file });
      return { source: opened, file };
    },
  };
  const program = new Program(report as Report<MessageTable>, files);
  const opened = program.open(path);
  const names = opened?.models.filter((name) => !program.isTemplate(opened.scope, name)) ?? [];
  const model = (name: string): Model | undefined => {
    const found = names.find((n) => n.text === name);
    const made = found && opened && program.model(opened.scope, found);
    const excess = made && excessOf(made);
    if (excess) report.error("limit-programs", made.at, [MOST_PROGRAMS, excess.sorts, excess.by]);
    if (made === undefined || excess) return undefined;
    const unkept = unkeptOf(made);
    if (unkept) report.error("last-changes", unkept.at, [unkept.modality, unkept.rows]);
    const unhidden = unhiddenOf(made);
    if (unhidden) report.error("hide-again", unhidden.at, [unhidden.modality, unhidden.before]);
    return unkept || unhidden ? undefined : made;
  };
  program.checkNames();
  const models = names.map((n) => n.text);
  return { report, sources, models, model, checkAll: () => models.forEach(model) };
};

/** The tensor programs of a model, rewritten; with `taps` they also give what each layer leaves. */
export const programs = (model: Model, sources: readonly Source[], taps = false): ModelModule =>
  optimize(lower(model, { taps, place: placeIn(sources) }));

/** The programs that train a model: losses, gradients, traces and the step, rewritten. */
export const training = (model: Model, sources: readonly Source[], options?: TrainingOptions): TrainingModule => {
  const trained = new Set(model.weights.flatMap((weight) => (weight.trained ? weight.path : [])));
  const losses = lowerLosses(model, { place: placeIn(sources) });
  return optimize(trainingOf(losses, (path) => trained.has(path), options));
};

/** `xfusion.graft:12:5` */
export const placeIn =
  (sources: readonly Source[]) =>
  ({ path, span }: At): string => {
    const found = sources.find((each) => each.path === path);
    if (!found) return path;
    const { line, column } = placeOf(found, span.from);
    return `${path}:${line}:${column}`;
  };

export interface OnnxOptions {
  readonly profile: ProfileName;
  /** Where each weight lies, by its path: a file beside the graph, and the bytes in it. */
  readonly place: (param: Param) => WeightPlace | undefined;
  /** Name of the file beside the graph that holds what the compiler computed: tables of angles, large constants. */
  readonly constants: string;
}
/** One program as an ONNX graph, and the bytes of its file of constants. */
export const onnx = (
  module: Module,
  program: LoweredProgram,
  { profile, place, constants }: OnnxOptions,
): { readonly model: Uint8Array; readonly constants: Uint8Array } =>
  emit(module, program, { profile, place, constantsLocation: constants });

/** A model's programs as WGSL kernels and the plan by which they run, and the numbers of the tables that it names. */
export const webgpu = (
  module: ModelModule,
  options?: PlanOptions,
): { readonly plan: Plan; readonly tables: Float32Array } => {
  const { plan, tables } = planOf(module, options);
  const numbers = tables.map(tableValues);
  const all = new Float32Array(numbers.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const values of numbers) {
    all.set(values, at);
    at += values.length;
  }
  return { plan, tables: all };
};
