// Every command with its options. The code of a command is imported when it is called, not before.
import type { Command, Option } from "./command.ts";

const model: Option = { value: "NAME", doc: "the model; the first of the file without it" };
const seed: Option = { value: "N", doc: "draws initial values; a whole number from 0" };
const weights: Option = {
  value: "SLOT=PATH",
  many: true,
  doc: "a checkpoint (safetensors file, index or folder) for a tower; PATH alone: for all weights by their own paths",
};
const profile: Option = { value: "P", doc: "ort-cpu (without it), portable or ort-webgpu" };
const tokenizer: Option = { value: "PATH", doc: "a tokenizer.json; without it, bytes where the vocabulary is 256" };

const recompute: Option = { doc: "computes layers anew for gradients: a third more work, and far less memory" };

export const commands: readonly Command[] = [
  {
    name: "check",
    operand: "FILE",
    summary: "finds all mistakes of a specification",
    options: {},
    load: () => import("./check.ts"),
  },
  {
    name: "format",
    operand: "FILE",
    summary: "writes the canonical text of a specification (`-` to stdout)",
    options: { check: { doc: "writes nothing; ends with 1 if the text is not canonical" } },
    load: () => import("./format.ts"),
  },
  {
    name: "expand",
    operand: "FILE",
    summary: "prints a model as it is after imports, templates and bridges",
    options: { model },
    load: () => import("./expand.ts"),
  },
  {
    name: "inspect",
    operand: "FILE",
    summary: "tells parameters, programs, the rows they compute, their cost, and caches",
    options: { model, svg: { value: "OUT.svg", doc: "draws towers, layers, the rows they compute, and the mask" } },
    load: () => import("./inspect.ts"),
  },
  {
    name: "compile",
    operand: "FILE",
    summary: "writes graphs, weights and a manifest into a folder",
    options: {
      model,
      target: { value: "T", doc: "onnx, or webgpu: kernels and a plan of them" },
      profile,
      weights,
      seed,
      out: { value: "DIR", doc: "the folder; one that `compile` made before is replaced; may be that of the weights" },
      copy: { doc: "copies checkpoint files into DIR, where they would be hard linked" },
      bindings: { doc: "adds a module that opens the model, with its types" },
      train: { doc: "adds the graphs that train the model" },
      recompute,
      hash: { doc: "adds hashes of whole checkpoint files to the manifest" },
    },
    load: () => import("./compile.ts"),
  },
  {
    name: "verify",
    operand: "FILE",
    summary: "holds graphs and kernels against the f64 oracle on seeded weights and inputs",
    options: {
      model,
      seed,
      target: { value: "T", many: true, doc: "what is judged: onnx (without it), or webgpu, on the GPU that is found" },
    },
    load: () => import("./verify.ts"),
  },
  {
    name: "generate",
    operand: "DIR|FILE",
    summary: "writes on behind a prompt: text as it comes, images into files",
    options: {
      prompt: { value: "TEXT", doc: "the text" },
      image: { value: "IN", doc: "a PNG or JPEG, shown before the prompt" },
      input: {
        value: "NAME=VALUE",
        many: true,
        doc: "what else the model asks for, such as a label; for every image alike",
      },
      out: {
        value: "OUT.png",
        doc: "draws an image behind the prompt, into this file; further ones into OUT-2.png and so on",
      },
      images: { value: "N", doc: "`auto`: where the model opens them; `never`; or so many right behind the prompt" },
      "max-tokens": { value: "N", doc: "so many tokens of text at most; 256 if left out" },
      stop: { value: "TEXT", many: true, doc: "ends the text where it would write this" },
      temperature: { value: "T", doc: "draws tokens by chance; the likeliest if left out" },
      "top-k": { value: "K", doc: "of the K likeliest tokens only" },
      "top-p": { value: "P", doc: "of the likeliest tokens that together have this probability" },
      penalty: { value: "X", doc: "makes tokens that were written less likely; 1 changes nothing" },
      steps: { value: "N", doc: "steps of each image; 20 if left out" },
      guidance: { value: "G", doc: "pushes images towards the text; 1 if left out: not at all" },
      guide: { value: "NAME", doc: "the guide of the model to push away from, where it has several" },
      sampler: { value: "NAME", doc: "`euler` for a flow, `ddim` or `ddpm` for a DDPM" },
      shift: { value: "S", doc: "of euler: more steps where there is much noise; 1 if left out" },
      eta: { value: "E", doc: "of ddim: 0 to 1, fresh noise at each step; 0 if left out" },
      device: { value: "D", doc: "`auto`, `cpu` or `webgpu`" },
      tokenizer,
      model,
      weights,
      seed,
    },
    load: () => import("./generate.ts"),
  },
  {
    name: "train",
    operand: "FILE",
    summary: "changes what a model trains so that samples cost less, and leaves checkpoints",
    options: {
      data: { value: "DIR", doc: "the folder of samples: `samples.jsonl`, and pictures beside it" },
      out: { value: "CKPT", doc: "the folder of checkpoints and of the log" },
      resume: { doc: "goes on from the last checkpoint in CKPT, with the options that it began with" },
      steps: { value: "N", doc: "1000 if left out" },
      batch: { value: "N", doc: "samples of a step; 8 if left out" },
      micro: { value: "N", doc: "samples of a call at most, so that a step needs less memory; all if left out" },
      rate: { value: "R", doc: "how fast weights learn at most; 1e-4 if left out" },
      warmup: { value: "N", doc: "steps in which the rate rises; a tenth of all, at most 1000, if left out" },
      floor: { value: "F", doc: "the share of the rate that the last step has; 0.1 if left out" },
      decay: { value: "D", doc: "what matrices lose by themselves, in rates; 0.01 if left out" },
      betas: { value: "B,B", doc: "what the moments keep; 0.9,0.95 if left out" },
      epsilon: { value: "E", doc: "added to the root of the second moment; 1e-8 if left out" },
      limit: { value: "L", doc: "the norm that all gradients together may have; 1 if left out" },
      average: { value: "A", doc: "what the moving average of the weights keeps; 0.999 if left out" },
      validation: { value: "DIR", doc: "samples that are not learnt from; their loss is told" },
      every: { value: "N", doc: "steps between two checkpoints and two validations; 100 if left out" },
      threads: { value: "N", doc: "of ONNX Runtime; all of the machine if left out" },
      recompute,
      tokenizer,
      model,
      weights,
      seed: { value: "N", doc: "draws initial values, the order of samples and noise; 0 if left out" },
    },
    load: () => import("./train.ts"),
  },
  {
    name: "explain",
    operand: "[CODE]",
    summary: "says what the code of a diagnostic means, with an example; alone: all codes",
    options: {},
    load: () => import("./meaning.ts"),
  },
  {
    name: "doctor",
    operand: "",
    summary: "tells what is installed, and what is missing with the command that installs it",
    options: {},
    load: () => import("./doctor.ts"),
  },
];

/** Options of every command. */
export const common: Readonly<Record<string, Option>> = {
  json: { doc: "the result as JSON on stdout" },
  help: { doc: "this text" },
};
