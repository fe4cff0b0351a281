// `graftwerk train`: a specification is compiled for training into a folder inside of the one of checkpoints, which is
// removed again, and then its model is trained on a folder of samples.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, reasonOf } from "../runtime/failure.ts";
import { openSession, type Session } from "../runtime/session.ts";
import { checkFresh, lastCheckpoint, type Stored } from "../runtime/train/checkpoint.ts";
import { Curve } from "../runtime/train/curve.ts";
import { type Data, openData } from "../runtime/train/data.ts";
import type { StepEvent, TrainEvent, ValidationEvent } from "../runtime/train/events.ts";
import { type Settings, settingsOf, type TrainOptions } from "../runtime/train/options.ts";
import { type Call, type Io, type Outcome, type Run, UsageError } from "./command.ts";
import { temporarily } from "./interrupt.ts";
import { besideOf, goneOf } from "./leftover.ts";
import { numberOf, seedOf, wholeOf } from "./values.ts";

export const run: Run = async (call, io) => {
  const asked = askedOf(call);
  await checkFresh(asked.out, asked.resume);
  const opened: Data[] = [];
  try {
    // What is wrong with the samples is said before anything is compiled.
    for (const folder of [asked.data, asked.validation]) if (folder !== undefined) opened.push(await openData(folder));
    const [data, validation] = opened;
    return await compiledInside(call, io, asked, (session) => trainOn(session, asked, data!, validation, call, io));
  } finally {
    for (const data of opened) await data.close();
  }
};

interface Asked {
  readonly data: string;
  readonly validation: string | undefined;
  readonly out: string;
  readonly settings: Partial<Settings>;
  readonly resume: boolean;
  readonly threads: number | undefined;
}
/** @throws UsageError, Failure "call" */
const askedOf = (call: Call): Asked => {
  const [data, out] = [call.value("data"), call.value("out")];
  if (data === undefined) throw new UsageError("train needs --data DIR", "it names the folder of samples");
  if (out === undefined) throw new UsageError("train needs --out CKPT", "it names the folder of checkpoints");
  const settings = givenSettings(call);
  settingsOf(settings);
  const [resume, threads] = [call.flag("resume"), threadsOf(call)];
  return { data, validation: call.value("validation"), out, settings, resume, threads };
};

/** With the model compiled for training, in a folder that is removed again. */
const compiledInside = async (
  call: Call,
  io: Io,
  { out, resume, threads }: Asked,
  work: (session: Session) => Promise<Outcome>,
): Promise<Outcome> => {
  const stored = resume ? (await lastCheckpoint(out))?.stored : undefined;
  const folder = besideOf(join(out, "compiled"), "part");
  onDisk(out, () => {
    mkdirSync(out, { recursive: true });
    for (const gone of goneOf(join(out, "compiled"), "part")) rmSync(gone, { recursive: true });
    mkdirSync(folder);
  });
  return temporarily(folder, async () => {
    const { compileInto } = await import("./compile.ts");
    const compiled = join(folder, "model");
    await compileInto(compiled, compiling(call, stored), io, "if needed");
    const used = threads ?? stored?.threads;
    const session = await openSession(compiled, used === undefined ? {} : { threads: used });
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  });
};

const onDisk = (path: string, work: () => void): void => {
  try {
    work();
  } catch (cause) {
    throw new Failure("file", `${path}: cannot be written: ${reasonOf(cause)}`, undefined, cause);
  }
};

/** The same call, as compilation is to understand it: what has no value starts from chance. */
const compiling = (call: Call, stored: Stored | undefined): Call => ({
  ...call,
  flag: (option) => option === "train" || call.flag(option),
  value: (option) => {
    if (option === "target") return "onnx";
    return option === "seed" ? (call.value("seed") ?? String(stored?.settings.seed ?? 0)) : call.value(option);
  },
});

/** @throws UsageError */
const threadsOf = (call: Call): number | undefined => {
  const threads = wholeOf(call, "threads");
  if (threads === 0 || (threads ?? 1) > 4096) throw new UsageError(`--threads is ${threads}`, "from 1 to 4096");
  return threads;
};

/** @throws UsageError */
const betasOf = (call: Call): Settings["betas"] | undefined => {
  const given = call.value("betas");
  if (given === undefined) return undefined;
  const betas = given.split(",").map((each) => (each.trim() === "" ? NaN : Number(each)));
  if (betas.length === 2 && betas.every((beta) => beta >= 0 && beta < 1)) return [betas[0]!, betas[1]!];
  throw new UsageError(`--betas is ${JSON.stringify(given)}`, "give two numbers below 1: 0.9,0.95");
};

const givenSettings = (call: Call): Partial<Settings> => {
  const numbers = ["rate", "floor", "decay", "epsilon", "limit", "average"] as const;
  const wholes = ["steps", "batch", "micro", "warmup", "every"] as const;
  const given = [
    ...numbers.map((name) => [name, numberOf(call, name)] as const),
    ...wholes.map((name) => [name, wholeOf(call, name)] as const),
    ["seed", seedOf(call)] as const,
    ["betas", betasOf(call)] as const,
  ];
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
};

const trainOn = (
  session: Session,
  { out, settings, resume }: Asked,
  data: Data,
  validation: Data | undefined,
  call: Call,
  io: Io,
): Promise<Outcome> => {
  const { manifest } = session;
  const options: TrainOptions = {
    ...settings,
    samples: data.samplesFor(manifest),
    samplesId: data.id,
    validation: validation?.samplesFor(manifest),
    tokenizer: call.value("tokenizer"),
    out,
    resume,
  };
  return told(session.train(options), manifest.model, out, io);
};

const told = async (events: AsyncIterable<TrainEvent>, model: string, out: string, io: Io): Promise<Outcome> => {
  const teller = new Teller(io);
  let [step, checkpoint]: [StepEvent | undefined, string | undefined] = [undefined, undefined];
  let validation: ValidationEvent | undefined;
  let last = 0;
  for await (const event of events) {
    teller.tell(event);
    if (event.is === "step") step = event;
    else if (event.is === "validation") validation = event;
    else if (event.is === "checkpoint") checkpoint = event.path;
    else last = event.step;
  }
  const costOf = (event: StepEvent | ValidationEvent | undefined) =>
    event === undefined ? null : { step: event.step, loss: event.loss, terms: event.terms };
  const json = {
    schema: "graftwerk/train@1",
    model,
    out,
    steps: last,
    last: costOf(step),
    validation: costOf(validation),
    checkpoint: checkpoint ?? null,
  };
  const text = [
    `${model}: trained for ${last} steps`,
    ...(step === undefined ? [] : [`  loss ${shown(step.loss)}`]),
    ...(validation === undefined ? [] : [`  of the validation ${shown(validation.loss)}`]),
    ...(checkpoint === undefined ? ["  nothing was left to do"] : [`  ${checkpoint}`, `  ${join(out, "loss.svg")}`]),
  ];
  return { exit: 0, json, text: `${text.join("\n")}\n` };
};

const EVERY_MS = 5000;
const FRAME_MS = 100;
const shown = (value: number): string => value.toPrecision(4);

/** How far it is: on a terminal one line with a curve, elsewhere a line now and then. */
class Teller {
  readonly #io: Io;
  readonly #curve = new Curve();
  #steps = 0;
  #next: number;

  constructor(io: Io) {
    this.#io = io;
    this.#next = performance.now() + (io.over === undefined ? EVERY_MS : 0);
  }

  tell(event: TrainEvent): void {
    const { over, note } = this.#io;
    if (event.is === "start") {
      this.#steps = event.steps;
      const from = event.step === 0 ? "" : `, from step ${event.step}`;
      note(`${event.parameters} numbers in ${event.weights} weights, ${event.steps} steps${from}`);
    } else if (event.is === "step") this.#step(event);
    else if (event.is === "validation") note(`step ${event.step}: validation ${shown(event.loss)}`);
    else if (event.is === "checkpoint") note(`step ${event.step}: ${event.path}`);
    else over?.("");
  }

  #step({ step, loss, ms, padded }: StepEvent): void {
    const { over, note } = this.#io;
    this.#curve.add(step, loss);
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + (over === undefined ? EVERY_MS : FRAME_MS);
    const waste = padded < 0.005 ? "" : `, ${Math.round(100 * padded)} % padded`;
    const line = `step ${step} of ${this.#steps}: loss ${shown(loss)}, ${ms.toFixed(0)} ms${waste}`;
    if (over === undefined) note(line);
    else over(`${line} ${this.#curve.line()}`);
  }
}
