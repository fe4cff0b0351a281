// What analysis says of the statements of a model: modalities, masks, noise, embeds and heads.
import type { Said } from "../../../grammar/diagnostic.ts";
import { among, and, count, few, mean } from "./words.ts";

export const modelMessages = {
  "no-modality": () => ({
    message: "The model has no `modality`.",
    help: "Add `modality text = tokens(vocab: language.vocab)`.",
  }),
  "no-layers": () => ({
    message: "The model has no `layers`.",
    help: "Add `layers fuse l in language.layers { h = l(h) }`.",
  }),
  "no-head": () => ({
    message: "The model has no `head`.",
    help: "Add `head text = next_token(language.logits(h))`.",
  }),
  "no-mask": () => ({ message: "The model has no `mask`.", help: "Add `mask = causal`." }),
  "no-position": () => ({ message: "The model has no `position`.", help: "Add `position = running`." }),

  // Masks, positions, noise
  "mask-wanted": (what: string) => ({
    message: `A mask is wanted, and this is ${what}.`,
    help: "Use `causal`, `all`, `within(...)`, `query is K`, `key is K`, `and`, `or`, `not`.",
  }),
  "is-sides": () => ({ message: "Left of `is` stands `query` or `key`.", help: "Write `key is text`." }),
  "position-rule": () => ({
    message: "Positions are `running`.",
    help: "Write `position = running` or `position = running(limit: 4096)`.",
  }),
  "position-limit": (what: string) => ({
    message: `The limit of positions is ${what}.`,
    help: "It is a whole number from 1 to 1,048,576.",
  }),
  "process-wanted": (what: string) => ({
    message: `A noise process is wanted, and this is ${what}.`,
    help: "Name a tower's, as in `vision.noise`, or write `flow(...)` or `ddpm(...)`.",
  }),
  "distribution-wanted": (what: string) => ({
    message: `A distribution is wanted, and this is ${what}.`,
    help: "Write `logit_normal(0, 1)` or `uniform(0, 1)`.",
  }),
  "no-noise": (modality: string) => ({
    message: `\`${modality}\` is drawn by its head, and no \`noise\` says how.`,
    help: `Add \`noise ${modality} = ... { given: t = clean }\`, with a process such as a tower's.`,
  }),
  "session-term": (name: string, near: string | undefined) => ({
    message: `There is no modality \`${name}\`.`,
    help: mean(near) ?? "A session names modalities that are declared before.",
  }),
  "guide-form": () => ({
    message: "A guide says what an image is drawn without.",
    help: "Write `guide text = without(text before image)` or `hide(text before image)`, tokens before a span, or `guide label = replace(label: 10)`, an input and its value.",
  }),
  "hide-again": (modality: string, before: string) => ({
    message: `Rows of ${modality} cannot be hidden from the ${before} that is drawn: they change with it, and are computed in the same call.`,
    help: `Write \`without(${modality} before ${before})\`, or let rows of ${modality} read no input that says how noisy the ${before} is.`,
  }),
  // Losses
  "loss-name": (name: string) => ({
    message: `The loss of \`${name}\` is that of its head.`,
    help: `Write \`loss = ${name}\` for it, and give another loss another name.`,
  }),
  "loss-before-layers": (name: string) => ({
    message: `The loss \`${name}\` stands before the layers whose rows it reads.`,
    help: "Put it behind the `layers`.",
  }),
  "loss-shape": (kind: string, shape: string) => ({
    message: `A loss is one number a row, and a row of \`${kind}\` has ${shape} here.`,
    help: "Sum it up: `sum(...)`, `mean(...)`, `1 - cosine(a, b)`.",
  }),
  "loss-form": () => ({
    message: "The loss of a model is a sum of losses, each with a number before it.",
    help: "Write `loss = 0.2 * text + image`; give anything else a name, `loss align = ...`, and add `0.5 * align`.",
  }),
  "loss-term": (name: string, near: string | undefined, names: readonly string[]) => ({
    message: `There is no loss \`${name}\`.`,
    help: mean(near) ?? `There are ${few(names)}: heads, and losses that have a name.`,
  }),
  "loss-twice": (name: string) => ({
    message: `\`${name}\` stands twice in the loss.`,
    help: "Write it once, with the sum of its factors.",
  }),
  "loss-unused": (name: string) => ({
    message: `The loss \`${name}\` is no part of the model's loss.`,
    help: `Add it, as in \`loss = ... + 0.5 * ${name}\`, or take it away.`,
  }),
  "no-such-name": (path: string, name: string, names: readonly string[]) => ({
    message: `\`${path}\` names nothing \`${name}\`.`,
    help: among(name, names, "It names", "It names nothing: `let` gives what a layer computes a name."),
  }),

  "reserved-modality": (name: string) => ({
    message: `A modality cannot be called \`${name}\`.`,
    help: "Choose another name: batch, past, new and tap begin names of inputs and outputs.",
  }),
  "reserved-input": (name: string) => ({
    message: `A value of each row cannot be called \`${name}\`.`,
    help: "Choose another name: order, position, span, row, col and index say where a row stands.",
  }),
  "noise-target": (name: string) => ({
    message: `\`${name}\` is no modality of spans.`,
    help: "Noise belongs to a modality with a `grid`.",
  }),
  "not-an-input": (name: string, near: string | undefined, modality: string) => ({
    message: `There is no input \`${name}\`.`,
    help: mean(near) ?? `Declare it: \`input ${name}: number per ${modality}\`.`,
  }),
  "last-extent": (input: string, modality: string) => ({
    message: `\`after: last\` keeps rows that the last step made with its \`${input}\`, and \`${input}\` belongs to all rows of the document.`,
    help: `Write \`input ${input}: number per ${modality}\`, or \`after: given\`.`,
  }),
  "last-changes": (modality: string, rows: readonly string[]) => ({
    message: `\`after: last\` keeps what rows were at the last step, but rows of ${and(rows)} before the drawing change with it.`,
    help: `Let rows outside the grid read no input that says how noisy the ${modality} is: \`clean\` in its place. Or write \`after: given\`.`,
  }),
  "clean-none": () => ({
    message: "`clean` needs a `noise` statement, whose clean end it is.",
    help: "Add `noise image = vision.noise { ... }`.",
  }),
  "clean-several": (n: number) => ({
    message: `\`clean\` could be that of any of ${n} \`noise\` statements.`,
    help: "Write the number.",
  }),

  // Modalities
  "modality-form": () => ({
    message: "A modality is `tokens(...)` or `span { ... }`.",
    help: "Write `modality text = tokens(vocab: language.vocab)`.",
  }),
  "modality-late": () => ({
    message: "A modality is declared behind the layers, which have no rows of it.",
    help: "Declare it, and how its rows enter, before the layers.",
  }),
  "span-empty": () => ({
    message: "A span has one segment at least.",
    help: "Write `span { patch: grid(8, 8, of: [48]) }`.",
  }),
  "segment-form": () => ({
    message: "A segment is a marker or a grid.",
    help: 'Write `open: text "<boi>"` or `patch: grid(8, 8, of: [48])`.',
  }),
  "grid-form": () => ({
    message: "A grid has a number of rows, a number of columns, and a width.",
    help: "Write `grid(8, 8, of: [48])`.",
  }),
  "grid-rows": (n: number, most: number) => ({
    message: `A grid of ${count(n)} rows is too large.`,
    help: `It may have ${count(most)}.`,
  }),
  "limit-programs": (most: number, groups: readonly string[], by: readonly string[]) => ({
    message: `The model may have more than ${most} programs: rows of ${groups.length} sorts come together in any choice.`,
    help: `${few(groups)} are told apart by ${and(by)}. Let some of them enter, be seen and be computed alike, or say with \`session = ...\` which modalities documents have.`,
  }),
  "limit-kinds": (n: number) => ({
    message: `The model has more than ${count(n)} kinds of rows.`,
    help: "Join some of the segments.",
  }),
  "add-texts": () => ({
    message: "`add` is a list of different texts.",
    help: 'Write `add: ["<boi>", "<eoi>"]`.',
  }),
  "marker-of": (name: string) => ({
    message: `\`${name}\` is no modality of tokens.`,
    help: "A marker is a token of a modality that is declared before.",
  }),
  "marker-token": (token: string, modality: string, added: readonly string[]) => ({
    message: `\`${modality}\` adds no token "${token}".`,
    help: added.length
      ? `It adds ${added.map((a) => `"${a}"`).join(", ")}; name one, or the id of one that the tokenizer has.`
      : `Add it: \`tokens(..., add: ["${token}"])\`.`,
  }),
  "patch-side": (width: number, channels: number) => ({
    message: `${width} numbers are no square patch of ${channels === 1 ? "1 channel" : `${channels} channels`}.`,
    help: "The width of a patch is side * side * channels.",
  }),
  "patch-order": (what: string) => ({
    message: `The order of a patch's numbers cannot be ${what}.`,
    help: 'Write the letters c, p and q, as in "p q c".',
  }),
  "input-type": () => ({
    message: "An input is a `number`, an `index(n)` or a shape.",
    help: "Write `input t: number per image`.",
  }),
  "input-per": () => ({
    message: "An input is given per `document`, per modality of spans or per kind of row.",
    help: "Write `input t: number per image`.",
  }),

  // Ends
  "embed-target": (what: string) => ({
    message: `\`embed\` lets in tokens or the rows of a grid, and \`${what}\` is neither.`,
    help: "Write `embed text(id) = ...` or `embed image.patch(z) = ...`; markers enter as tokens.",
  }),
  "embed-parameters": (kind: string) => ({
    message: `\`embed ${kind}\` takes one name: the token's id, or the row's numbers.`,
    help: `Write \`embed ${kind}(x) = ...\`.`,
  }),
  "embed-result": (what: string) => ({
    message: `\`embed\` gives a row of numbers, and this is ${what}.`,
    help: "Give it a row, [width].",
  }),
  "no-embed": (kind: string) => ({
    message: `Rows of ${kind} have no \`embed\`.`,
    help: `Add \`embed ${kind}(x) = ...\` before the layers.`,
  }),
  "head-target": (name: string, near: string | undefined) => ({
    message: `There is no modality \`${name}\` for this head.`,
    help: mean(near) ?? "Name a modality.",
  }),
  "head-rows": (name: string) => ({
    message: `\`${name}\` has no rows for a head to predict.`,
    help: "Give it a `grid`, or remove the head.",
  }),
  "head-kind": (name: string, want: string, what: string) => ({
    message: `The head of \`${name}\` is \`${want}(...)\`, and this is ${what}.`,
    help: "Tokens are predicted by `next_token`, grids by `denoise`.",
  }),
  "head-before-layers": (name: string) => ({
    message: `The head of \`${name}\` stands before the layers.`,
    help: "Move it behind them.",
  }),
  "head-shape": (modality: "tokens" | "span", kind: string, want: number, given: string) => ({
    message: `The head gives ${given} at rows of ${kind}, and ${want} numbers are wanted.`,
    help:
      modality === "tokens"
        ? "Give as many logits as the vocabulary of the modality has tokens."
        : "Give as many numbers as a row of the grid has.",
  }),
  "added-vocab": (modality: string) => ({
    message: `\`${modality}\` adds tokens, and this does not say beside which tower's.`,
    help: "Name the vocabulary of a tower, as in `vocab: language.vocab`.",
  }),
  "no-features": (modality: string, tower: string) => ({
    message: `\`${modality}\` adds tokens, and \`${tower}\` has no \`features\` for their logits to read.`,
    help: "Give the tower `features(x: [D]) -> [D] { ... }`: what its head reads.",
  }),
} satisfies Record<string, (...args: never[]) => Said>;
