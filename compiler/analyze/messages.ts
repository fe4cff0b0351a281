// Every sentence that analysis can say. The key is the stable code; arguments are typed; the text lives nowhere else.
import type { Said } from "../../grammar/diagnostic.ts";

const mean = (near: string | undefined): string | undefined => (near === undefined ? undefined : `Did you mean \`${near}\`?`);
const count = (n: number): string => n.toLocaleString("en-US");
const ticks = (names: readonly string[]): string => names.map((n) => `\`${n}\``).join(", ");

export const messages = {
  // Files and declarations
  "no-file": (path: string) => ({ message: `There is no file \`${path}\`.`, help: "Check the path; it is read from the folder of the importing file." }),
  "import-outside": (path: string) => ({
    message: `\`${path}\` leads outside of the project.`,
    help: "Import the library as `std/name`, and your own files by a path beside or below the importing file.",
  }),
  "import-cycle": (files: readonly string[]) => ({ message: `These files import each other: ${files.join(" -> ")}.`, help: "Move what both need into a third file." }),
  "limit-imports": (depth: number) => ({ message: `Imports are nested deeper than ${depth}.`, help: "Import from the file that declares the name." }),
  "limit-files": (files: number) => ({ message: `More than ${files} files are imported.`, help: "Join some of them." }),
  "not-exported": (name: string, file: string, near?: string) => ({ message: `\`${file}\` declares no \`${name}\`.`, help: mean(near) ?? "Look at what the file declares." }),
  "name-taken": (name: string) => ({ message: `The name \`${name}\` is taken here.`, help: "Names are never hidden: choose another one." }),
  "unknown-name": (name: string, near?: string) => ({ message: `There is no \`${name}\` here.`, help: mean(near) ?? "Declare it, or import it." }),
  "unknown-function": (name: string, near?: string) => ({ message: `There is no function \`${name}\`.`, help: mean(near) ?? "Declare a part of that name, or import it." }),
  "unknown-contract": (name: string, near?: string) => ({ message: `There is no contract \`${name}\`.`, help: mean(near) ?? 'Contracts of the library are in "std/contracts".' }),
  "unknown-member": (template: string, name: string, near?: string) => ({ message: `\`${template}\` has no \`${name}\`.`, help: mean(near) ?? `Declare it in \`${template}\`.` }),
  "unknown-segment": (modality: string, name: string, near?: string) => ({ message: `A span of \`${modality}\` has no \`${name}\`.`, help: mean(near) ?? "Name one of its segments." }),
  "no-members": (what: string, name: string) => ({ message: `\`.${name}\` is asked of ${what}, which has no members.` }),
  "made-of-itself": (name: string) => ({ message: `\`${name}\` is made of itself.`, help: "Give it a value that does not need it." }),
  "contains-itself": (name: string) => ({ message: `\`${name}\` contains itself.`, help: "Templates are finite: repeat layers with `* L` instead." }),
  "alias-role": (role: string, what: string) => ({ message: `This is to be a ${role}, and it is ${what}.`, help: `Apply a ${role}, as in \`${role} Name = Template(...)\`.` }),
  "not-a-model": (what: string) => ({ message: `A model is wanted, and this is ${what}.` }),
  "with-outside": () => ({ message: "`with` stands only after a model that is given a name.", help: "Write `model Name = Model(...) with { bridge }`." }),
  "with-options": () => ({ message: "`with` takes `bridge`.", help: "Write `with { bridge }` or `with { bridge(once, bias: true) }`." }),
  "not-yet": (what: string) => ({ message: `This version does not run ${what} yet.`, help: "It is part of the language and comes in a later version." }),
  twice: (what: string) => ({ message: `\`${what}\` is said twice.`, help: "Keep one of them." }),
  "missing-statement": (what: string) => ({ message: `The model has no \`${what}\`.`, help: `Add a \`${what}\` statement.` }),

  // Arguments and static values
  "missing-argument": (of: string, name: string) => ({ message: `\`${of}\` needs \`${name}\`.`, help: `Give \`${name}: ...\`.` }),
  "unknown-argument": (of: string, name: string, names: readonly string[]) => ({
    message: `\`${of}\` takes no \`${name}\`.`,
    help: names.length ? `It takes ${ticks(names)}.` : "It takes nothing more.",
  }),
  "too-many-arguments": (of: string, n: number) => ({ message: `\`${of}\` takes ${n === 1 ? "1 argument" : `${n} arguments`} only.`, help: "Leave out the rest." }),
  "argument-twice": (of: string, name: string) => ({ message: `\`${name}\` of \`${of}\` is given twice.`, help: "Keep one of them." }),
  "number-wanted": (what: string) => ({ message: `A number is wanted, and this is ${what}.` }),
  "flag-wanted": (what: string) => ({ message: `\`true\` or \`false\` is wanted, and this is ${what}.` }),
  "static-wanted": (of: string, name: string, what: string) => ({ message: `\`${name}\` of \`${of}\` must be known when the model is compiled, and it is ${what}.` }),
  "bad-size": (text: string, value: string) => ({ message: `\`${text}\` is ${value}, which is no size.`, help: "Sizes are whole numbers from 1 on." }),
  "bad-choice": (name: string, given: string, choices: string) => ({ message: `\`${name}\` is ${given}.`, help: `It may be ${choices}.` }),
  require: (message: string | undefined, left: number, right: number, path: string) => ({ message: `${message ?? "Two sizes must be equal"}: ${left} is not ${right} in \`${path}\`.` }),
  destructuring: (names: number, given: string) => ({ message: `${names} names are bound here, to ${given} ${/^\d+$/.test(given) ? "values" : ""}`.trim() + ".", help: "Bind as many names as there are values." }),
  "limit-layers": (n: number) => ({ message: `${count(n)} layers are not a number between 1 and 1,024.`, help: "Repeat fewer layers." }),
  "limit-parameters": () => ({ message: "The model has more than 2^40 parameters.", help: "Look for a size that is too large." }),
  "limit-rows": () => ({ message: "The model has more than a million operations.", help: "Look for a size or a number of layers that is too large." }),

  // Slots
  slot: (name: string, contract: string, what: string) => ({ message: `\`${name}\` is to be a \`${contract}\`, and it is ${what}.`, help: "Give it a tower or part that has what the contract asks." }),
  contract: (template: string, contract: string, member: string, why: string) => ({
    message: `\`${template}\` is no \`${contract}\`: of \`${member}\`, ${why}.`,
    help: `Give \`${template}\` a \`${member}\` as \`${contract}\` declares it.`,
  }),
  "not-a-part": (what: string) => ({ message: `A part is wanted, and this is ${what}.`, help: "Write `part name = Template(...)`." }),
  "not-layers": (what: string) => ({ message: `Layers are made of blocks, and this is ${what}.`, help: "Write `layers: Block(...) * L`." }),
  "layers-wanted": (what: string) => ({ message: `Layers are wanted, and this is ${what}.`, help: "Name the layers of a tower, as in `language.layers`." }),
  "no-forward": (template: string) => ({ message: `\`${template}\` has no \`forward\`, so it cannot be applied to rows.`, help: "Add `forward(x: [D]) -> [D] { ... }`, or call one of its functions." }),
  "block-result": (template: string, what: string) => ({ message: `A block gives a row, and \`${template}\` gives ${what}.` }),

  // Weights
  "weight-wanted": (op: string) => ({ message: `\`${op}\` takes the path of one weight.`, help: `Write \`${op}(tower.weight)\`.` }),
  "share-shape": (path: string, shape: string, of: string, other: string) => ({ message: `\`${path}\` is ${shape} and cannot share \`${of}\`, which is ${other}.` }),
  "share-name": (name: string, template: string, near?: string) => ({ message: `\`${template}\` has no weight \`${name}\` to share.`, help: mean(near) ?? "Name weights of the block." }),
  "share-outside": () => ({ message: "`share` stands only where a weight is declared.", help: "Write `weight name: [...] = share(path)`." }),
  "not-an-init": (what: string) => ({ message: `A weight starts from a number, \`zeros\`, \`ones\`, \`identity\`, \`normal(std)\`, \`copy(path)\` or \`share(path)\`, and this is ${what}.` }),
  "no-fate": (path: string, n: number, globs: readonly string[]) => ({
    message: n === 1 ? `\`${path}\` is neither frozen nor trained.` : `\`${path}\` and ${count(n - 1)} more weights are neither frozen nor trained.`,
    help: `Add \`train ${globs.join(", ")}\` or \`freeze ${globs.join(", ")}\`.`,
  }),
  "two-fates": (path: string) => ({ message: `\`${path}\` is both frozen and trained.`, help: "Make the paths of `freeze` and `train` disjoint." }),
  "glob-empty": (glob: string, roots: readonly string[]) => ({ message: `No weight's path matches \`${glob}\`.`, help: `Paths begin with ${ticks(roots)}.` }),
  "map-target": (target: string, tower: string) => ({ message: `\`${tower}\` has no weight \`${target}\` to map.`, help: "Correct the path, or remove the line." }),
  "mapped-twice": (path: string) => ({ message: `\`${path}\` is mapped twice.`, help: "Keep one of the lines." }),
  "map-index": () => ({ message: "The index of a mapped layer is written `[i]`.", help: 'Write `layers[i].q <- "layers.{i}.q"`, shifts as in `{i + 1}`.' }),
  "map-template": (text: string) => ({ message: `The braces of "${text}" hold no index.`, help: "Write `{i}`, `{i + 1}` or `{2 * i}`." }),
  "map-source": () => ({ message: "This is no place in a checkpoint.", help: 'Write a key, or `concat("a", "b")`, `split("a", parts: 3, take: 0)`, `transpose("a")`, `reshape("a", ...)`, `permute("a", ...)`.' }),

  // Rows
  "shapes-differ": (op: string, a: string, b: string) => ({ message: `\`${op}\` joins ${a} and ${b}.`, help: "Rows must have equal shapes, or one be a number." }),
  "needs-vector": (op: string, shape: string) => ({ message: `\`${op}\` takes a row of numbers, and this is ${shape}.` }),
  "needs-number": (op: string, shape: string) => ({ message: `\`${op}\` takes one number, and this is ${shape}.` }),
  "needs-heads": (op: string, shape: string) => ({ message: `\`${op}\` takes rows split into heads, [heads, width], and this is ${shape}.`, help: "Use `split(x, heads)` and `merge(x)`." }),
  "needs-coordinate": (op: string) => ({ message: `\`${op}\` takes \`row\`, \`col\` or \`index\`.` }),
  "not-divisible": (op: string, n: number, by: number) => ({ message: `\`${op}\` would cut ${n} into ${by} equal pieces.`, help: `Choose sizes such that ${by} divides ${n}.` }),
  "norm-weight": (op: string, shape: string, width: number) => ({ message: `\`${op}\` of rows ${width} wide has a weight of ${shape}.`, help: `Declare it as [${width}].` }),
  "linear-width": (width: number, matrix: string, shape: string) => ({ message: `\`linear\` reads rows ${width} wide, and ${matrix} is ${shape}.`, help: `A matrix for them is [out, ${width}].` }),
  "linear-bias": (width: number, name: string, shape: string) => ({ message: `\`linear\` gives rows ${width} wide, and ${name} to be added is ${shape}.`, help: `Declare it as [${width}].` }),
  "reorder-letters": (from: string, to: string) => ({ message: `"${to}" does not hold the letters of "${from}".`, help: 'Use the same letters, as in `reorder(z, "p q c", "c p q", p: 2, q: 2, c: 4)`.' }),
  "reorder-size": (sizes: string, size: number, shape: string) => ({ message: `${sizes} make ${size} numbers, and the row is ${shape}.` }),
  "attend-width": (q: number, k: number) => ({ message: `Queries are ${q} wide and keys ${k}.`, help: "Heads of queries and keys must be equally wide." }),
  "attend-values": (k: number, v: number) => ({ message: `There are ${k} heads of keys and ${v} of values.`, help: "Give keys and values the same number of heads." }),
  "attend-heads": (heads: number, kv: number) => ({ message: `${heads} query heads cannot share ${kv} key heads evenly.`, help: `Choose a number of heads that ${kv} divides.` }),
  "attend-outside": () => ({ message: "`attend` stands only in a block.", help: "Declare a `block`: rows meet nowhere else." }),
  "row-wanted": (of: string, name: string, what: string) => ({ message: `\`${name}\` of \`${of}\` is a row, and this is ${what}.` }),
  "row-wanted-op": (op: string, what: string) => ({ message: `\`${op}\` acts on rows, and this is ${what}.` }),
  absent: (op: string, what: string) => ({ message: `\`${op}\` is applied to something ${what}.`, help: "The tower has no such optional member; leave it out, or give it one." }),
  "argument-shape": (of: string, name: string, want: string, given: string) => ({ message: `\`${name}\` of \`${of}\` is ${want}, and this is ${given}.` }),
  "result-shape": (of: string, want: string, given: string) => ({ message: `\`${of}\` is to give ${want}, and gives ${given}.` }),
  "is-a-function": (name: string) => ({ message: `\`${name}\` is a function.`, help: `Call it: \`${name}(...)\`.` }),
  "cannot-call": (what: string) => ({ message: `${what[0]!.toUpperCase()}${what.slice(1)} cannot be called.` }),
  "cannot-index": (what: string) => ({ message: `${what[0]!.toUpperCase()}${what.slice(1)} has nothing to look up.`, help: "Look up rows of a weight by an index, `table[id]`, or kinds of a sequence, `h[text]`." }),
  "index-wanted": (what: string) => ({ message: `An index is wanted, and this is ${what}.`, help: "Declare the input as `index(n)`, or use a token's id." }),
  "one-index": () => ({ message: "One index is wanted here." }),
  "out-of-range": (value: number, below: number) => ({ message: `${value} is not in 0 .. ${below - 1}.` }),

  // Sequences
  "seq-wanted": (what: string) => ({ message: `A sequence of rows is wanted, and this is ${what}.` }),
  "kinds-wanted": (what: string) => ({ message: `Kinds of rows are wanted, and this is ${what}.`, help: "Name a modality, a kind such as `image.patch`, or a group." }),
  "kinds-differ": (kinds: string) => ({ message: `One side has rows of ${kinds} and the other has none.`, help: "Restrict one side, as in `e[text]`, or give both the same kinds." }),
  "no-such-rows": (kinds: string, has: string) => ({ message: `There are no rows of ${kinds} here; there are ${has}.` }),
  "union-overlap": (kinds: string) => ({ message: `Both sides of \`|\` have rows of ${kinds}.`, help: "Restrict one side, as in `e[text]`." }),
  "arms-overlap": (kind: string, op: string) => ({ message: `Two arms of \`${op}\` give rows of ${kind}.`, help: "Name each kind in one arm." }),
  "condition-kinds": (name: string, kinds: string) => ({ message: `\`${name}\` has no value at rows of ${kinds}.`, help: "Give every kind its own with `select { ... }`." }),
  "width-mismatch": (kinds: string, shape: string, tower: string, want: string, cost: number | undefined, layers: number) => ({
    message: `Rows of ${kinds} are ${shape} here, and \`${tower}\` reads ${want}.`,
    help:
      cost === undefined
        ? "Apply a part to them where they are read."
        : `Apply a part to them where they are read, or add \`with { bridge }\` to the model: there and back at each of ${layers} layers, +${count(cost * layers)} trained parameters; \`bridge(once)\`, +${count(cost)}.`,
  }),
  "depths-differ": (a: number, b: number, first: string, second: string) => ({
    message: `\`${first}\` runs over ${a} layers and \`${second}\` over ${b}.`,
    help: b > a ? `Spread the longer list: \`${second} in spread(..., ${a})\`.` : `Spread the longer list: \`${first} in spread(..., ${b})\`.`,
  }),
  spread: (m: number, n: number) => ({ message: `${m} layers cannot be spread over ${n} groups.`, help: `Spread over 1 to ${m} groups.` }),
  "held-own": (tower: string) => ({ message: `No rows are at home in \`${tower}\`, so none would pass through its group of blocks.`, help: "Say which do, as in `held(v, own: image.patch)(h)`, or use `chain(v)(h)`." }),
  "joint-attends": (template: string, n: number) => ({ message: `\`${template}\` attends ${n} times; an arm of \`joint\` attends once.`, help: "Use `select`, or a block with one `attend`." }),
  "joint-empty": () => ({ message: "No arm of this `joint` calls a block.", help: "Use `select`." }),
  "joint-heads": (a: string, keysA: string, b: string, keysB: string) => ({
    message: `These towers cannot attend jointly: keys and values are ${keysA} in \`${a}\` and ${keysB} in \`${b}\`.`,
    help: "Give both the same `kv_heads` and `head_dim`; their widths may differ.",
  }),
  "sees-call": () => ({ message: "`sees` stands after the call of a block.", help: "Write `b(h) sees text`." }),
  "h-kinds": (kind: string) => ({ message: `The new \`h\` has no rows of ${kind}.`, help: "Give every kind a value: `select { ... }`, or `h[...] | ...`." }),
  "h-width": (kind: string, width: number, given: string) => ({ message: `Rows of ${kind} were ${width} wide and would now be ${given}.`, help: "A kind keeps its width through all layers." }),
  "embed-reads-rows": () => ({ message: "`embed` cannot read other rows.", help: "Use inputs and conditions made of them." }),

  // Masks, positions, noise
  "mask-wanted": (what: string) => ({ message: `A mask is wanted, and this is ${what}.`, help: "Use `causal`, `all`, `within(...)`, `query is K`, `key is K`, `and`, `or`, `not`." }),
  "is-sides": () => ({ message: "Left of `is` stands `query` or `key`.", help: "Write `key is text`." }),
  "position-rule": () => ({ message: "Positions are `running`.", help: "Write `position = running` or `position = running(limit: 4096)`." }),
  "process-wanted": (what: string) => ({ message: `A noise process is wanted, and this is ${what}.`, help: "Name a tower's, as in `vision.noise`, or write `flow(...)` or `ddpm(...)`." }),
  "distribution-wanted": (what: string) => ({ message: `A distribution is wanted, and this is ${what}.`, help: "Write `logit_normal(0, 1)` or `uniform(0, 1)`." }),
  "noise-target": (name: string) => ({ message: `\`${name}\` is no modality of spans.`, help: "Noise belongs to a modality with a `grid`." }),
  "clean-of": (n: number) => ({ message: n ? "`clean` could be that of several noise statements." : "`clean` needs a `noise` statement.", help: n ? "Write the number." : "Add `noise image = vision.noise { ... }`." }),

  // Modalities and ends
  "modality-form": () => ({ message: "A modality is `tokens(...)` or `span { ... }`.", help: "Write `modality text = tokens(vocab: language.vocab)`." }),
  "segment-form": () => ({ message: "A segment is a marker or a grid.", help: 'Write `open: text "<boi>"` or `patch: grid(8, 8, of: [48])`.' }),
  "add-texts": () => ({ message: "`add` is a list of different texts.", help: 'Write `add: ["<boi>", "<eoi>"]`.' }),
  "marker-of": (name: string) => ({ message: `\`${name}\` is no modality of tokens.`, help: "A marker is a token of a modality that is declared before." }),
  "marker-token": (token: string, modality: string, added: readonly string[]) => ({
    message: `\`${modality}\` adds no token "${token}".`,
    help: added.length ? `It adds ${added.map((a) => `"${a}"`).join(", ")}; name one, or the id of one that the tokenizer has.` : `Add it: \`tokens(..., add: ["${token}"])\`.`,
  }),
  "patch-side": (width: number, channels: number) => ({ message: `${width} numbers are no square patch of ${channels} channels.`, help: "The width of a patch is side * side * channels." }),
  "input-type": () => ({ message: "An input is a `number`, an `index(n)` or a shape.", help: "Write `input t: number per image`." }),
  "input-per": () => ({ message: "An input is given per `document`, per modality of spans or per kind of row.", help: "Write `input t: number per image`." }),
  "embed-target": (what: string) => ({ message: `\`embed\` lets in tokens or the rows of a grid, and this is ${what}.`, help: "Write `embed text(id) = ...` or `embed image.patch(z) = ...`; markers enter as tokens." }),
  "embed-parameters": (kind: string) => ({ message: `\`embed ${kind}\` takes one name: the token's id, or the row's numbers.`, help: `Write \`embed ${kind}(x) = ...\`.` }),
  "embed-result": (what: string) => ({ message: `\`embed\` gives a row of numbers, and this is ${what}.` }),
  "no-embed": (kind: string) => ({ message: `Rows of ${kind} have no \`embed\`.`, help: "Add it before the layers." }),
  "head-target": (name: string) => ({ message: `There is no modality \`${name}\` for this head.`, help: "Name a modality." }),
  "head-kind": (name: string, want: string, what: string) => ({ message: `The head of \`${name}\` is \`${want}(...)\`, and this is ${what}.`, help: "Tokens are predicted by `next_token`, grids by `denoise`." }),
  "head-before-layers": (name: string) => ({ message: `The head of \`${name}\` stands before the layers.`, help: "Move it behind them." }),
  "head-shape": (kind: string, want: number, given: string) => ({ message: `The head gives ${given} at rows of ${kind}, and ${want} numbers are wanted.` }),
  "no-features": (modality: string, tower?: string) => ({
    message: `\`${modality}\` adds tokens, and ${tower ? `\`${tower}\`` : "its vocabulary"} has no \`features\` for their logits to read.`,
    help: "Give the tower `features(x: [D]) -> [D]`: what its head reads; and name its vocabulary as `vocab: tower.vocab`.",
  }),
} satisfies Record<string, (...args: never[]) => Said>;

export type MessageTable = typeof messages;
export type Code = keyof MessageTable;
/** Says what is wrong at a place that the caller knows. */
export type Say = <C extends Code>(code: C, args: Parameters<MessageTable[C]>) => undefined;
