// `graftwerk generate`: [picture] prompt, and then what the model writes: text as it comes, images into files. A
// specification is compiled first, into a folder that is removed again.
import { mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../runtime/failure.ts";
import type { GenerateEvent } from "../runtime/generate/events.ts";
import type { GenerateOptions } from "../runtime/generate/generate.ts";
import type { PromptPart } from "../runtime/generate/prompt.ts";
import { imagesIn, layoutOf } from "../runtime/generate/rows.ts";
import type { Manifest } from "../runtime/manifest.ts";
import { readImage, writeImage } from "../runtime/media/image.ts";
import { steerless } from "../runtime/quote.ts";
import { SAMPLERS } from "../runtime/generate/sampler.ts";
import { openSession, type Session, type TokenizerOptions } from "../runtime/session.ts";
import { type Call, type Io, type Outcome, type Run, UsageError } from "./command.ts";
import { type Device, deviceFor, deviceOf } from "./device.ts";
import { restoreFolder } from "./folder.ts";
import { givenInputs } from "./inputs.ts";
import { temporarily } from "./interrupt.ts";
import { choose, numberOf, seedOf, wholeOf } from "./values.ts";

export const run: Run = async (call, io) => {
  const { operand } = call;
  if (call.value("prompt") === undefined) throw new UsageError("generate needs --prompt TEXT");
  const restored = operand === "-" ? undefined : restoreFolder(operand);
  if (restored !== undefined) io.note(restored);
  const isFolder = operand !== "-" && statSync(operand, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder) return generateFrom(call, io);
  if (["model", "weights"].some((option) => call.values(option).length > 0))
    throw new UsageError("a compiled folder has its model and weights", "leave out --model and --weights");
  return generateIn(operand, call, io, undefined);
};

/** From a specification. */
const generateFrom = async (call: Call, io: Io): Promise<Outcome> => {
  const device = deviceFor(call);
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-"));
  return temporarily(folder, async () => {
    const { compileInto } = await import("./compile.ts");
    await compileInto(folder, targeting(call, device), io, "if needed");
    return generateIn(folder, call, io, device);
  });
};
/** The same call, of which compilation learns its target. */
const targeting = (call: Call, { is }: Device): Call => ({
  ...call,
  value: (option) => (option === "target" ? (is === "webgpu" ? "webgpu" : "onnx") : call.value(option)),
});

const generateIn = async (folder: string, call: Call, io: Io, chosen: Device | undefined): Promise<Outcome> => {
  const session = await openSession(folder);
  try {
    const device = chosen ?? deviceOf(call, session.manifest);
    return await generate(session, device, call, io);
  } finally {
    await session.close();
  }
};

interface Drawn {
  readonly path: string;
  readonly width: number;
  readonly height: number;
}

const generate = async (session: Session, device: Device, call: Call, io: Io): Promise<Outcome> => {
  const { manifest } = session;
  const options = await optionsOf(manifest, call);
  const out = call.value("out");
  const drawn: Drawn[] = [];
  let [text, end]: [string, string] = ["", "length"];
  const tell = steps(io);
  for await (const event of session.generate(options)) {
    tell(event);
    if (event.is === "text") {
      text += event.text;
      io.write(steerless(event.text));
    } else if (event.is === "image") drawn.push(await write(event, numbered(out!, drawn.length), io));
    else if (event.is === "end") end = event.why;
    else if (event.is === "usage") {
      if (text !== "") io.write("\n");
      io.note(usageText(event, device));
      const { phases, tokens, images } = event;
      const json = { schema: "graftwerk/generate@2", model: manifest.model, device, text, end, tokens, images: drawn };
      return { exit: 0, json: { ...json, drawn: images, phases }, text: "" };
    }
  }
  throw new Error("generation ended without saying what it took");
};

const optionsOf = async (manifest: Manifest, call: Call): Promise<GenerateOptions & TokenizerOptions> => {
  const image = call.value("image");
  const picture = image === undefined ? undefined : await readImage(image, layoutOf(imagesIn(manifest).grid).size);
  const prompt: PromptPart[] = [...(picture === undefined ? [] : [{ image: picture }]), call.value("prompt")!];
  const sampler = call.value("sampler");
  return {
    prompt,
    images: imagesOf(manifest, call),
    inputs: givenInputs(call, manifest),
    seed: seedOf(call),
    stop: call.values("stop"),
    tokenizer: call.value("tokenizer"),
    maxTokens: wholeOf(call, "max-tokens"),
    sampling: {
      temperature: numberOf(call, "temperature"),
      topK: wholeOf(call, "top-k"),
      topP: numberOf(call, "top-p"),
      penalty: numberOf(call, "penalty"),
    },
    steps: wholeOf(call, "steps"),
    guidance: numberOf(call, "guidance"),
    guide: call.value("guide"),
    shift: numberOf(call, "shift"),
    eta: numberOf(call, "eta"),
    sampler: sampler === undefined ? undefined : choose("sampler", sampler, SAMPLERS),
  };
};

/** With a file to write to one image behind the prompt; without one none. @throws UsageError */
const imagesOf = (manifest: Manifest, call: Call): NonNullable<GenerateOptions["images"]> => {
  const [given, out] = [call.value("images"), call.value("out")];
  if (given === undefined && out === undefined) return "never";
  if (out === undefined && given !== "never" && given !== "0")
    throw new UsageError("--images needs --out OUT.png", "it names the file; further images are OUT-2.png and so on");
  layoutOf(imagesIn(manifest).grid);
  if (given === undefined) return 1;
  return given === "auto" || given === "never" ? given : wholeOf(call, "images")!;
};
/** `a.png`, `a-2.png`, `a-3.png` */
const numbered = (out: string, index: number): string =>
  index === 0 ? out : out.replace(/(\.[^./\\]*)?$/, (extension) => `-${index + 1}${extension}`);

const write = async ({ picture }: Extract<GenerateEvent, { is: "image" }>, path: string, io: Io): Promise<Drawn> => {
  if (picture === undefined) throw new Failure("call", "the model draws no pixels, so there is nothing to write");
  await writeImage(path, picture);
  const { width, height } = picture;
  io.note(`${path}: ${width} x ${height}`);
  return { path, width, height };
};

/** On a terminal, how far an image is. */
const steps =
  ({ over }: Io) =>
  (event: GenerateEvent): void => {
    if (event.is === "step")
      over?.(event.step < event.steps ? `image ${event.image + 1}: step ${event.step} of ${event.steps}` : "");
  };

const usageText = ({ phases, tokens }: Extract<GenerateEvent, { is: "usage" }>, { is, why }: Device): string => {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  const { prefill, read, decode, denoise, last } = phases;
  const rate = decode.ms === 0 ? 0 : (1000 * decode.calls) / decode.ms;
  return [
    `on ${is === "webgpu" ? "WebGPU" : "ONNX Runtime, CPU"}: ${why}`,
    ...(prefill.calls + read.calls === 0
      ? []
      : [`read: ${prefill.rows + read.rows} rows in ${seconds(prefill.ms + read.ms)}`]),
    ...(decode.calls === 0 ? [] : [`text: ${tokens} tokens in ${seconds(decode.ms)}, ${rate.toFixed(1)} a second`]),
    ...(denoise.calls + last.calls === 0
      ? []
      : [`images: ${denoise.calls + last.calls} calls in ${seconds(denoise.ms + last.ms)}`]),
  ].join("\n");
};
