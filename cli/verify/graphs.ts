// The programs of a module, run: as graph files in a folder of their own by ONNX Runtime, or as kernels on a GPU. The folder
// goes when it is closed.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Document, Model, Weight } from "../../compiler/analyze/model.ts";
import { onnx, webgpu } from "../../compiler/index.ts";
import type { ModelModule, Module, PhaseProgram } from "../../compiler/ir/module.ts";
import type { ProfileName } from "../../compiler/target/onnx/profile.ts";
import { type Callable, pack } from "../../runtime/document.ts";
import {
  memorySource,
  openProgram,
  type ProgramOptions,
  readSafetensors,
  safetensorsBytes,
  type Tensor,
} from "../../runtime/index.ts";
import type { Program as Session } from "../../runtime/index.ts";
import type { Adapter } from "../../runtime/webgpu/adapter.ts";
import { openPlan, type PlanSession } from "../../runtime/webgpu/session.ts";
import { portOf } from "../manifest.ts";
import type { WeightNumbers } from "./weights.ts";

/** What runs programs: ONNX Runtime, by a profile, or WebGPU. */
export type Target = ProfileName | "webgpu";
export interface GraphOptions extends ProgramOptions {
  readonly profile: Target;
}
export type Tensors = Readonly<Record<string, Tensor>>;

const WEIGHTS = "weights.safetensors";

const noAdapter = (): never => {
  throw new Error("no GPU was given");
};

export class Graphs {
  readonly #model: Model;
  readonly #folder: string;
  readonly #places: Awaited<ReturnType<typeof readSafetensors>>;
  readonly #weights: WeightNumbers;
  readonly #open = new Map<string, Session>();
  readonly #plans = new Map<ModelModule, Promise<PlanSession>>();
  readonly #adapter: () => Promise<Adapter>;
  #files = 0;

  private constructor(
    model: Model,
    folder: string,
    places: Awaited<ReturnType<typeof readSafetensors>>,
    weights: WeightNumbers,
    adapter: () => Promise<Adapter>,
  ) {
    this.#adapter = adapter;
    this.#model = model;
    this.#folder = folder;
    this.#places = places;
    this.#weights = weights;
  }

  /** Writes the weights that `module` reads. `adapter` gives the GPU for WebGPU, which stays the caller's. */
  static async create(
    model: Model,
    params: Module["params"],
    weights: WeightNumbers,
    adapter: () => Promise<Adapter> = noAdapter,
  ): Promise<Graphs> {
    const read = new Set(params.map(({ name }) => name));
    const tensors = model.weights
      .filter(({ path }) => read.has(path))
      .map((weight: Weight) => ({
        name: weight.path,
        dtype: "F32" as const,
        shape: weight.shape,
        data: weights(weight),
      }));
    const bytes = safetensorsBytes(tensors);
    const folder = await mkdtemp(join(tmpdir(), `graftwerk-verify-${process.pid}-`));
    try {
      await writeFile(join(folder, WEIGHTS), bytes);
      return new Graphs(model, folder, await readSafetensors(memorySource(WEIGHTS, bytes)), weights, adapter);
    } catch (cause) {
      await rm(folder, { recursive: true });
      throw cause;
    }
  }

  /** One call on all of `documents`; `feed` may change what goes in. */
  async run(
    module: ModelModule,
    program: PhaseProgram,
    documents: readonly Document[],
    { profile, ...options }: GraphOptions,
    feed?: (inputs: Tensors) => Tensors,
  ): Promise<Tensors> {
    const packed = pack(callableOf(this.#model, program), documents);
    const inputs = feed?.(packed) ?? packed;
    if (profile === "webgpu") return (await this.#plan(module)).run(program.name, inputs);
    return (await this.#session(module, program, profile, options)).run(inputs);
  }

  #plan(module: ModelModule): Promise<PlanSession> {
    const known = this.#plans.get(module);
    if (known !== undefined) return known;
    const byPath = new Map(this.#model.weights.map((weight) => [weight.path, weight]));
    const { plan, tables } = webgpu(module);
    const opened = this.#adapter().then((adapter) =>
      openPlan(adapter, plan, { tables, weight: async ({ name }) => this.#weights(byPath.get(name)!) }),
    );
    this.#plans.set(module, opened);
    return opened;
  }

  async #session(
    module: Module,
    program: PhaseProgram,
    profile: ProfileName,
    options: ProgramOptions,
  ): Promise<Session> {
    const key = JSON.stringify([program.name, program.outputs.length, profile, options]);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const number = this.#files++;
    const constants = `constants.${number}.bin`;
    const place = ({ name }: { readonly name: string }) => {
      const tensor = this.#places.tensors.get(name);
      return tensor && { location: WEIGHTS, offset: tensor.offset, length: tensor.length, dtype: "f32" as const };
    };
    const made = onnx(module, program, { profile, place, constants });
    const graph = join(this.#folder, `graph.${number}.onnx`);
    await Promise.all([writeFile(graph, made.model), writeFile(join(this.#folder, constants), made.constants)]);
    const session = await openProgram(program.name, graph, options);
    this.#open.set(key, session);
    return session;
  }

  async close(): Promise<void> {
    for (const session of this.#open.values()) await session.close();
    for (const plan of await Promise.allSettled(this.#plans.values()))
      if (plan.status === "fulfilled") plan.value.close();
    await rm(this.#folder, { recursive: true });
  }
}

/** The same module with its programs for whole documents alone: those that are judged here. */
export const wholeDocuments = (module: ModelModule): ModelModule => ({
  ...module,
  programs: module.programs.filter(({ kind }) => kind === "forward"),
});

/** The program for documents of `modalities`: of those that take all their kinds of rows, the one with the fewest streams. */
export const programFor = (model: Model, { programs }: ModelModule, modalities: readonly string[]): PhaseProgram => {
  const kinds = model.kinds.filter(({ modality }) => modalities.includes(modality)).map(({ name }) => name);
  const [first] = programs
    .filter(({ streams }) => kinds.every((kind) => streams.some((stream) => stream.kinds.includes(kind))))
    .toSorted((a, b) => a.streams.length - b.streams.length);
  if (first === undefined) throw new Error(`internal: no program takes documents of ${modalities.join(" and ")}`);
  return first;
};

const callableOf = (model: Model, program: PhaseProgram): Callable => ({
  name: program.name,
  streams: program.streams,
  inputs: program.inputs.map(portOf),
  kinds: Object.fromEntries(
    model.kinds.map(({ name, rows }) => [
      name,
      {
        ...(rows.kind === "grid" && { cols: rows.cols }),
        ...(rows.kind === "marker" && { id: rows.id }),
      },
    ]),
  ),
});
