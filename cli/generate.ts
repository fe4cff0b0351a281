// `graftwerk generate`, of one pass: [picture] prompt [span of noise]. The rows of the prompt say which token comes next,
// those of the noise what image is in it. A specification is compiled first, into a folder that is removed again.
import { mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DocumentRow, Values } from "../runtime/document.ts";
import { Failure } from "../runtime/failure.ts";
import { estimateClean, noisiest } from "../runtime/generate/process.ts";
import type { Manifest } from "../runtime/manifest.ts";
import { readImage, writeImage } from "../runtime/media/image.ts";
import { fromPatches, toPatches } from "../runtime/media/patches.ts";
import { openSession, programFor, type Result, type Session, type Whole } from "../runtime/session.ts";
import { seedOf } from "./values.ts";
import { type Call, type Io, type Outcome, type Run, UsageError } from "./command.ts";
import { argumentOf, imagesIn, layoutOf, noiseFor, noiseRows, spanRows, textRows, tokensIn } from "./document.ts";
import { restoreFolder } from "./folder.ts";
import { documentInputs, givenInputs, type Noisy, spanInputs } from "./inputs.ts";
import { temporarily } from "./interrupt.ts";
import { tokenizerOf, tokenText } from "./tokenizer.ts";

const LIKELIEST = 5;

export const run: Run = async (call, io) => {
  const { operand } = call;
  if (call.value("prompt") === undefined) throw new UsageError("generate needs --prompt TEXT");
  const restored = operand === "-" ? undefined : restoreFolder(operand);
  if (restored !== undefined) io.note(restored);
  const isFolder = operand !== "-" && statSync(operand, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder) return generateFrom(call, io);
  if (["model", "weights"].some((option) => call.values(option).length > 0))
    throw new UsageError("a compiled folder has its model and weights", "leave out --model and --weights");
  return generateIn(operand, call);
};

/** From a specification. */
const generateFrom = (call: Call, io: Io): Promise<Outcome> => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-"));
  return temporarily(folder, async () => {
    const { compileInto } = await import("./compile.ts");
    await compileInto(folder, call, io, "if needed");
    return generateIn(folder, call);
  });
};

interface Pass {
  readonly manifest: Manifest;
  readonly document: Whole;
  /** index of the last row of the prompt */
  readonly last: number;
  readonly drawn: Drawn | undefined;
}
interface Drawn {
  readonly first: number;
  readonly t: number;
  readonly z: Float32Array;
}

const generateIn = async (folder: string, call: Call): Promise<Outcome> => {
  const session = await openSession(folder);
  try {
    return await generate(folder, session, call);
  } finally {
    await session.close();
  }
};
const generate = async (folder: string, session: Session, call: Call): Promise<Outcome> => {
  const { manifest } = session;
  const tokens = tokensIn(manifest);
  const tokenizer = await tokenizerOf(folder, tokens, call.value("tokenizer"));
  const ids = [...tokenizer.start, ...tokenizer.encode(call.value("prompt")!)];
  const pass = await passOf(manifest, ids, call);
  const outputs = await session.forward([pass.document]);
  const logits = rowsOf(pass, outputs, tokens.name, "logits").get(pass.last)!;
  const next = likeliest(logits).map(({ id, probability }) => ({
    id,
    text: tokenText(tokenizer, tokens, id),
    probability,
  }));
  const out = call.value("out");
  const image = pass.drawn && out !== undefined ? await writeEstimate(pass, pass.drawn, outputs, out) : undefined;
  const { model } = manifest;
  return {
    exit: 0,
    json: { schema: "graftwerk/generate@1", model, tokens: ids.length, next, ...(image && { image }) },
    text: [
      `${model}: likeliest after ${ids.length} tokens of prompt`,
      ...next.map(({ id, text, probability }) => `  ${probability.toFixed(4)}  ${JSON.stringify(text)}  (${id})`),
      ...(image
        ? [
            `${image.path}: ${image.width} x ${image.height}, estimate of the image in pure noise (${image.input} = ${image.t})`,
          ]
        : []),
      "",
    ].join("\n"),
  };
};

/** The document: the picture first, so that the prompt sees it; the span of noise last, so that it sees the prompt. */
const passOf = async (manifest: Manifest, ids: readonly number[], call: Call): Promise<Pass> => {
  const given = call.value("image");
  const draws = call.value("out") !== undefined;
  const inputs = givenInputs(call, manifest);
  const rows: DocumentRow[] = [];
  const spans: Record<string, Values[]> = {};
  const addSpan = (numbers: Float32Array, noisy: Noisy | undefined): void => {
    const { span, grid } = imagesIn(manifest);
    const values = (spans[span.name] ??= []);
    rows.push(...spanRows(span, values.length, numbers, argumentOf(manifest, grid)));
    values.push(spanInputs(manifest, span, inputs, noisy));
  };
  if (given !== undefined) {
    const { size, patches } = layoutOf(imagesIn(manifest).grid);
    addSpan(toPatches(await readImage(given, size), patches), undefined);
  }
  rows.push(...textRows(tokensIn(manifest).name, ids));
  const last = rows.length - 1;
  if (ids.length === 0)
    throw new UsageError("the prompt is empty, and nothing stands before it", "give --prompt a text");
  let drawn: Drawn | undefined;
  let noisy: Noisy | undefined;
  if (draws) {
    const { span, grid } = imagesIn(manifest);
    layoutOf(grid);
    const { input, process } = noiseFor(manifest, span);
    drawn = { first: rows.length, t: noisiest(process), z: noiseRows(grid, seedOf(call) ?? 0) };
    noisy = { input, t: drawn.t };
    addSpan(drawn.z, noisy);
  }
  const program = programFor(manifest, "forward", rows);
  return { manifest, document: { rows, spans, inputs: documentInputs(manifest, program, inputs, noisy) }, last, drawn };
};

/** The rows of one kind by their place. @throws Failure "file" when the program has no such output. */
const rowsOf = ({ manifest }: Pass, result: Result, kind: string, what: string): ReadonlyMap<number, Float32Array> => {
  const stream = manifest.programs
    .find(({ name }) => name === result.program)
    ?.streams.find(({ kinds }) => kinds.includes(kind));
  const found = result.rows(`${stream?.name ?? kind}.${what}`, 0);
  if (found.size === 0) throw new Failure("file", `${manifest.model}: has no head that gives ${what} of ${kind}`);
  return found;
};

/** The most probable ids, equal ones in order. */
const likeliest = (logits: Float32Array): { readonly id: number; readonly probability: number }[] => {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const weights = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = weights.reduce((a, b) => a + b);
  if (!Number.isFinite(sum)) throw new Failure("file", "the logits are not finite numbers", "check the weights");
  return weights
    .map((weight, id) => ({ id, probability: weight / sum }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, LIKELIEST);
};

const writeEstimate = async (pass: Pass, { first, t, z }: Drawn, outputs: Result, path: string) => {
  const { span, grid } = imagesIn(pass.manifest);
  const { input, process } = noiseFor(pass.manifest, span);
  const rows = rowsOf(pass, outputs, grid.kind, process.predicts);
  const predicted = new Float32Array(z.length);
  let at = 0;
  for (const [place, row] of rows) {
    if (place < first) continue;
    predicted.set(row, at);
    at += row.length;
  }
  const { size, patches } = layoutOf(grid);
  await writeImage(path, fromPatches(estimateClean(process, t, z, predicted), size, patches));
  return { path, width: size.width, height: size.height, process: process.is, predicts: process.predicts, input, t };
};
