// Generation held against the oracle: every call of every context is judged on the whole document that it belongs to, which
// the oracle computes anew.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Document } from "../../compiler/analyze/model.ts";
import { evaluate } from "../../compiler/oracle/index.ts";
import type { Context, Part } from "../../runtime/context.ts";
import type { Values } from "../../runtime/document.ts";
import { decodeOne } from "../../runtime/generate/decodeOne.ts";
import { generate, type GenerateOptions } from "../../runtime/generate/generate.ts";
import type { GenerateEvent } from "../../runtime/generate/events.ts";
import {
  byteTokenizer,
  memorySource,
  openSession,
  type Phases,
  readSafetensors,
  type Result,
  type Session,
} from "../../runtime/index.ts";
import type { SessionOptions } from "../../runtime/session.ts";
import { inside } from "../cli/inside.ts";
import { models, source, weightsOf } from "../phases/models.ts";
import { specify, type Specified } from "../reference/run.ts";

export interface Compiled {
  /** what `openSession` opens */
  readonly folder: string;
  readonly specified: Specified;
  readonly session: Session;
  readonly weights: ReadonlyMap<string, Float32Array>;
  close(): Promise<void>;
}

/**
 * A small model of the examples with images of 2 x 2 patches, compiled into a folder, with weights of ordinary size that a
 * test may change.
 */
export const compiled = async (
  name: string,
  target: "onnx" | "webgpu",
  changed: (weight: string, numbers: Float32Array) => Float32Array,
  options: SessionOptions = {},
  edited: (specification: string) => string = (text) => text,
): Promise<Compiled> => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-generate-"));
  const text = edited(source(models.find((each) => each.name === name)!));
  const [spec, out] = [join(folder, "model.graft"), join(folder, "out")];
  writeFileSync(spec, text);
  const args = ["compile", spec, "--model", name, "--target", target, "--seed", "5", "--out", out];
  const { status, stderr } = await inside(args);
  if (status !== 0) throw new Error(stderr);
  const path = join(out, "weights.safetensors");
  const bytes = readFileSync(path);
  const file = await readSafetensors(memorySource(path, bytes));
  const specified = specify(text, name);
  const drawn = weightsOf(specified);
  const weights = new Map<string, Float32Array>();
  for (const { name: weight, offset, length } of file.tensors.values()) {
    const numbers = changed(weight, drawn(weight));
    bytes.set(new Uint8Array(numbers.buffer, 0, length), offset);
    weights.set(weight, numbers);
  }
  writeFileSync(path, bytes);
  const session = await openSession(out, options);
  return {
    folder: out,
    specified,
    session,
    weights,
    close: async () => {
      await session.close();
      rmSync(folder, { recursive: true });
    },
  };
};

/** The rows of the added tokens in the head so many times as large: so that a run opens images. */
export const louder =
  (factor: number) =>
  (weight: string, numbers: Float32Array): Float32Array =>
    weight === "text.added.head" ? numbers.map((x) => factor * x) : numbers;

/** Squared errors over squares, of all that calls of a phase gave. */
export interface Judged {
  readonly events: readonly GenerateEvent[];
  readonly documents: readonly Document[];
  readonly errors: Readonly<Record<string, { readonly nmse: number; readonly rows: number }>>;
}

/** Phases with heads. */
const JUDGED: readonly string[] = ["decode", "denoise", "last"];

interface Grown {
  readonly rows: Document["rows"][number][];
  readonly spans: Record<string, Values[]>;
}

export const judged = async (
  { session, specified, weights }: Compiled,
  options: Omit<GenerateOptions, "signal">,
): Promise<Judged> => {
  const grown = new Map<Context, readonly Grown[]>();
  const sums = new Map<string, { error: number; square: number; rows: number }>();
  const judge = (phase: string, whole: Document, from: number, result: Result, d: number): void => {
    const { heads } = evaluate(specified.model, (weight) => weights.get(weight.path)!, whole);
    const sum = sums.get(phase) ?? { error: 0, square: 0, rows: 0 };
    sums.set(phase, sum);
    for (const output of Object.keys(result.tensors))
      for (const [place, got] of result.rows(output, d)) {
        const wanted = heads
          .map(({ rows }) => rows.get(place))
          .find((row) => row !== undefined && row.length === got.length);
        if (place < from || wanted === undefined) continue;
        sum.rows++;
        for (let i = 0; i < got.length; i++) {
          sum.error += (got[i]! - wanted[i]!) ** 2;
          sum.square += wanted[i]! ** 2;
        }
      }
  };
  const phases: Phases = {
    ...session,
    start: (batch = 1) => {
      const context = session.start(batch);
      grown.set(
        context,
        Array.from({ length: batch }, () => ({ rows: [], spans: {} })),
      );
      return context;
    },
    gather: async (sources) => {
      const context = await session.gather(sources);
      const copies = sources.map((source) => grown.get(source.context)![source.document]!);
      grown.set(
        context,
        copies.map(({ rows, spans }) => ({ rows: [...rows], spans: { ...spans } })),
      );
      return context;
    },
    append: async (context, phase, parts: readonly Part[]) => {
      const result = await session.append(context, phase, parts);
      for (const [d, { rows, spans }] of grown.get(context)!.entries()) {
        const part = parts[d]!;
        const more: Record<string, Values[]> = { ...spans };
        for (const [modality, values] of Object.entries(part.spans ?? {}))
          more[modality] = [...(more[modality] ?? []), ...values];
        const own = part.unseen === undefined ? part.rows : part.rows.map((row) => ({ ...row, unseen: part.unseen }));
        const whole = { rows: [...rows, ...own], spans: more, inputs: part.inputs ?? {} } as Document;
        if (part.rows.length > 0 && JUDGED.includes(phase)) judge(phase, whole, rows.length, result, d);
        if (phase === "denoise") continue;
        const kept = phase === "draft" ? part.rows.map((row) => ({ ...row, draft: true })) : part.rows;
        rows.push(...(kept as Grown["rows"]));
        Object.assign(spans, more);
      }
      return result;
    },
    // So that the calls are those that are judged.
    decode: (context, parts, decoding) => decodeOne(phases, context, parts, decoding),
  };
  const events: GenerateEvent[] = [];
  for await (const event of generate(phases, byteTokenizer, options)) events.push(event);
  // Those that are written are longer than what they were copied from, or what is drawn beside them.
  const size = (documents: readonly Grown[]): number => documents.reduce((sum, { rows }) => sum + rows.length, 0);
  const written = [...grown.values()].reduce((most, each) => (size(each) > size(most) ? each : most));
  return {
    events,
    documents: written.map(({ rows, spans }) => ({ rows, spans, inputs: {} })),
    errors: Object.fromEntries(
      [...sums].map(([phase, { error, square, rows }]) => [phase, { nmse: error / square, rows }]),
    ),
  };
};

/** `ttt(oppppc)tt`: what a document is made of. */
export const shapeOf = ({ rows }: Document): string =>
  rows.map(({ kind }) => (kind === "text" ? "t" : kind.split(".")[1]![0]!)).join("");
