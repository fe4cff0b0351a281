// The graphs of training in ONNX Runtime, each opened when it is first called. States are read and written where they lie.
import { join } from "node:path";
import { Failure } from "../failure.ts";
import type { Training, TrainingEntry } from "../manifest.ts";
import { openProgram, type Program, type ProgramOptions } from "../onnx/session.ts";
import { AGAIN, areNamed } from "../runner.ts";
import type { Tensors } from "../tensor.ts";
import { checkOwnFile } from "../weights/file.ts";
import type { States } from "./states.ts";

export class Programs {
  readonly #folder: string;
  readonly #training: Training;
  readonly #options: ProgramOptions;
  readonly #open = new Map<TrainingEntry, Program>();

  constructor(folder: string, training: Training, options: ProgramOptions) {
    this.#folder = folder;
    this.#training = training;
    this.#options = options;
  }

  entry(kind: TrainingEntry["kind"], shape: string | null): TrainingEntry {
    const found = this.#training.programs.find((program) => program.kind === kind && program.shape === shape);
    if (found === undefined) throw new Error(`no ${kind} of ${String(shape)}`);
    return found;
  }

  /** Gives what is no state. What becomes of states lies beside them, and counts once they are swapped. */
  async run(entry: TrainingEntry, states: States, inputs: Tensors): Promise<Tensors> {
    const program = this.#open.get(entry) ?? (await this.#openEntry(entry));
    this.#open.set(entry, program);
    const into = states.outputs(program.outputs);
    return program.run({ ...inputs, ...states.inputs(program.inputs) }, into);
  }

  async close(): Promise<void> {
    for (const program of this.#open.values()) await program.close();
    this.#open.clear();
  }

  async #openEntry(entry: TrainingEntry): Promise<Program> {
    const path = join(this.#folder, entry.graph.file);
    await checkOwnFile(path, `the graph of ${entry.name}`, AGAIN);
    const program = await openProgram(entry.name, path, this.#options);
    const { inputs, outputs } = entry;
    const names = outputs.map(({ name }) => name);
    if (areNamed(inputs, program.inputs) && areNamed(outputs, program.outputs) && names.length > 0) return program;
    await program.close();
    throw new Failure("file", `${path}: has other inputs or outputs than the manifest says`, AGAIN);
  }
}
