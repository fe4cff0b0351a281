// What analysis says of files, names, templates, arguments and weights.
import type { Said } from "../../../grammar/diagnostic.ts";
import { among, and, capital, count, mean, or, ticks } from "./words.ts";

export const declarationMessages = {
  // Files
  "no-file": (path: string) => ({ message: `There is no file \`${path}\`.`, help: "Check the path." }),
  "no-import": (path: string) => ({
    message: `There is no file \`${path}\`.`,
    help: "Check the path; it is read from the folder of the importing file.",
  }),
  "no-library": (path: string, near: string | undefined, all: readonly string[]) => ({
    message: `The library has no \`${path}\`.`,
    help: mean(near) ?? `It has ${ticks(all)}.`,
  }),
  "import-outside": (path: string) => ({
    message: `\`${path}\` is no path beside or below the importing file.`,
    help: "Import the library as `std/name`, and your own files by a path beside or below the importing file.",
  }),
  "import-cycle": (files: readonly string[]) => ({
    message: files.length > 2 ? `These files import each other: ${files.join(" -> ")}.` : "The file imports itself.",
    help: files.length > 2 ? "Move what both need into a third file." : "Remove the line.",
  }),
  "limit-imports": (depth: number) => ({
    message: `Imports are nested deeper than ${depth}.`,
    help: "Import from the file that declares the name.",
  }),
  "limit-files": (files: number) => ({ message: `More than ${files} files are imported.`, help: "Join some of them." }),
  "not-exported": (name: string, file: string, near: string | undefined, names: readonly string[]) => ({
    message: `\`${file}\` declares no \`${name}\`.`,
    help: mean(near) ?? among(name, names, "It declares", "It declares nothing."),
  }),

  // Names
  "name-taken": (name: string) => ({
    message: `The name \`${name}\` is taken here.`,
    help: "Names are never hidden: choose another one.",
  }),
  "unknown-name": (name: string, near?: string) => ({
    message: `There is no \`${name}\` here.`,
    help: mean(near) ?? "Declare it, or import it.",
  }),
  "h-outside": () => ({
    message: "`h` is not known here.",
    help: "The rows of the document are called `h` inside of `layers` and in a `head`.",
  }),
  "unknown-function": (name: string, near?: string) => ({
    message: `There is no function \`${name}\`.`,
    help: mean(near) ?? "Declare a part of that name, or import it.",
  }),
  "unknown-contract": (name: string, near?: string) => ({
    message: `There is no contract \`${name}\`.`,
    help: mean(near) ?? 'Declare it, or import it; those of the library are in "std/contracts".',
  }),
  "not-a-contract": (what: string) => ({
    message: `After the name of a slot stands a contract, and this is ${what}.`,
    help: "Name what the slot asks for; the tower that it takes is given after `=` or when the model is applied.",
  }),
  "unknown-member": (template: string, name: string, names: readonly string[]) => ({
    message: `\`${template}\` has no \`${name}\`.`,
    help: among(name, names, "It has", "It has no members."),
  }),
  "unknown-segment": (modality: string, name: string, names: readonly string[]) => ({
    message: `\`${modality}\` has no segment \`${name}\`.`,
    help: among(name, names, "It has", `Its only kind of row is \`${modality}\`.`),
  }),
  "no-members": (what: string, name: string) => ({
    message: `\`.${name}\` is asked of ${what}, which has no members.`,
    help: "Towers, parts and modalities have members.",
  }),
  "made-of-itself": (name: string) => ({
    message: `\`${name}\` is made of itself.`,
    help: "Give it a value that does not need it.",
  }),
  "contains-itself": (name: string) => ({
    message: `\`${name}\` contains itself.`,
    help: "Templates are finite: repeat layers with `* L` instead.",
  }),
  "calls-itself": (name: string) => ({
    message: `\`${name}\` calls itself.`,
    help: "Functions are finite: repeat layers with `* L` instead.",
  }),
  "alias-role": (role: string, what: string) => ({
    message: `This is to be a ${role}, and it is ${what}.`,
    help: `Apply a template of that kind, as in \`${role} Name = Template(...)\`.`,
  }),
  "not-a-model": (what: string) => ({
    message: `A model is wanted, and this is ${what}.`,
    help: "Write `model Name = Model(...)`.",
  }),
  "with-outside": () => ({
    message: "`with` stands only after a model that is given a name.",
    help: "Write `model Name = Model(...) with { bridge }`.",
  }),
  "with-options": () => ({
    message: "`with` takes `bridge`.",
    help: "Write `with { bridge }` or `with { bridge(once, bias: true) }`.",
  }),
  "bridge-init": (what: string) => ({
    message: `A bridge cannot start from ${what}.`,
    help: "Write `zeros`, `ones`, `identity` or `normal(std)`.",
  }),
  "not-yet": (what: string) => ({
    message: `This version does not run ${what} yet.`,
    help: "It is part of the language and comes in a later version.",
  }),
  twice: (what: string) => ({ message: `\`${what}\` is said twice.`, help: "Keep one of them." }),

  // Arguments and static values
  "missing-argument": (of: string, names: readonly string[]) => ({
    message: `\`${of}\` needs ${and(names.map((n) => `\`${n}\``))}.`,
    help: `Give ${and(names.map((n) => `\`${n}: ...\``))}.`,
  }),
  "unknown-argument": (of: string, name: string, names: readonly string[]) => ({
    message: `\`${of}\` takes no \`${name}\`.`,
    help: among(name, names, "It takes", "It takes nothing of that sort."),
  }),
  "too-many-arguments": (of: string, n: number) => ({
    message: `\`${of}\` takes ${n === 1 ? "1 argument" : `${n} arguments`} only.`,
    help: "Leave out the rest.",
  }),
  "argument-twice": (of: string, name: string) => ({
    message: `\`${name}\` of \`${of}\` is given twice.`,
    help: "Keep one of them.",
  }),
  "rows-first": (template: string) => ({
    message: `The first argument of \`${template}\` is the rows that it reads.`,
    help: "Give them first, without a name, as in `l(h)`.",
  }),
  "number-wanted": (what: string) => ({
    message: `A number is wanted, and this is ${what}.`,
    help: "Write a number, or something made of numbers, as in `4 * D`.",
  }),
  "flag-wanted": (what: string) => ({
    message: `\`true\` or \`false\` is wanted, and this is ${what}.`,
    help: "Write one of them.",
  }),
  "static-wanted": (of: string, name: string, what: string) => ({
    message: `\`${name}\` of \`${of}\` must be known when the model is compiled, and it is ${what}.`,
    help: "Write it out, or make it a parameter of the template.",
  }),
  "bad-size": (text: string, value: number) => ({
    message:
      text.replaceAll("_", "") === String(value) ? `${text} is no size.` : `\`${text}\` is ${value}, which is no size.`,
    help: "Sizes are whole numbers from 1 to 2,147,483,647.",
  }),
  "no-number": (op: string, given: readonly number[]) => ({
    message: given.length === 1 ? `\`${op}(${given[0]})\` is no number.` : `\`${given.join(` ${op} `)}\` is no number.`,
    help: "Change what it is made of.",
  }),
  "bad-choice": (name: string, given: string, choices: readonly string[]) => ({
    message: `\`${name}\` cannot be ${given}.`,
    help: `It may be ${or(choices.map((c) => `\`${c}\``))}.`,
  }),
  require: (template: string, message: string | undefined, left: number, right: number) => ({
    message: `\`${template}\` cannot be made: ${(message ?? "two sizes must be equal").replace(/[.\s]+$/, "")}; they are ${left} and ${right}.`,
    help: "Give it sizes that agree.",
  }),
  destructuring: (names: number, values: number) => ({
    message: `There ${names === 1 ? "is 1 name" : `are ${names} names`} for ${values === 1 ? "1 value" : `${values} values`}.`,
    help: "Name each of the values.",
  }),
  "not-a-list": (what: string) => ({
    message: `Several values are wanted, and this is ${what}.`,
    help: "Write a list, as in `[a, b]`, or a function that gives one, as in `chunk(x, 2)`.",
  }),
  "limit-layers": (n: number) => ({
    message: `${count(n)} layers are not a number between 1 and 1,024.`,
    help: "Change by how much the list is repeated.",
  }),
  "limit-parameters": () => ({
    message: "The model has more than 2^40 parameters.",
    help: "Look for a size that is too large.",
  }),
  "limit-work": () => ({
    message: "The models are made of more than half a million operations.",
    help: "Look for a number of layers that is too large.",
  }),
  "limit-chain": (n: number) => ({
    message: `More than ${count(n)} operations stand on each other here.`,
    help: "Part them into blocks and layers.",
  }),
  "limit-depth": () => ({
    message: "Things are made of others too deeply here.",
    help: "Look for parts in parts, or names that stand for names, without end.",
  }),

  // Slots
  slot: (name: string, contract: string, what: string) => ({
    message: `\`${name}\` is to be a \`${contract}\`, and this is ${what}.`,
    help: `Give it a tower or part that has what \`${contract}\` asks.`,
  }),
  "contract-lacks": (template: string, contract: string, members: readonly string[]) => ({
    message: `\`${template}\` is no \`${contract}\`: it has no ${or(members.map((m) => `\`${m.replace(/[(:].*/, "")}\``))}.`,
    help: `Give it ${and(members.map((m) => `\`${m}\``))}.`,
  }),
  "contract-form": (template: string, contract: string, member: string) => ({
    message: `\`${template}\` is no \`${contract}\`: its \`${member.replace(/[(:].*/, "")}\` takes other arguments.`,
    help: `\`${contract}\` asks for \`${member}\`.`,
  }),
  "not-a-part": (what: string) => ({
    message: `A part is wanted, and this is ${what}.`,
    help: "Write `part name = Template(...)`.",
  }),
  "not-layers": (what: string) => ({
    message: `Layers are made of blocks, and this is ${what}.`,
    help: "Write `layers: Block(...) * L`.",
  }),
  "layers-wanted": (what: string) => ({
    message: `Layers are wanted, and this is ${what}.`,
    help: "Name the layers of a tower, as in `language.layers`.",
  }),
  "no-forward": (template: string) => ({
    message: `\`${template}\` has no \`forward\`, so it cannot be called.`,
    help: "Call one of its functions, as in `part.name(...)`.",
  }),
  "block-forward": (template: string) => ({
    message: `The block \`${template}\` has no \`forward\`.`,
    help: "Add `forward(x: [D]) -> [D] { ... }`.",
  }),
  "forward-rows": (template: string) => ({
    message: `\`forward\` of the block \`${template}\` takes no rows.`,
    help: "Write `forward(x: [D]) -> [D] { ... }`.",
  }),

  // Weights
  "weight-wanted": (op: string) => ({
    message: `\`${op}\` takes the path of one weight.`,
    help: `Write \`${op}(tower.weight)\`.`,
  }),
  "share-shape": (path: string, shape: string, of: string, other: string) => ({
    message: `\`${path}\` is ${shape} and cannot share \`${of}\`, which is ${other}.`,
    help: "Declare both with one shape.",
  }),
  "copy-shape": (path: string, shape: string, of: string, other: string) => ({
    message: `\`${path}\` is ${shape} and cannot start as \`${of}\`, which is ${other}.`,
    help: "Declare both with one shape.",
  }),
  "identity-shape": (path: string, shape: string) => ({
    message: `\`${path}\` is ${shape} and cannot start as an identity.`,
    help: "An identity is a matrix [n, n].",
  }),
  "share-name": (name: string, template: string, names: readonly string[]) => ({
    message: `\`${template}\` has no weight \`${name}\` to share.`,
    help: among(name, names, "Its weights are", "It has no weights."),
  }),
  "share-outside": () => ({
    message: "`share` stands only where a weight is declared.",
    help: "Write `weight name: [...] = share(path)`.",
  }),
  "not-an-init": (what: string) => ({
    message: `A weight cannot start from ${what}.`,
    help: "Write a number, `zeros`, `ones`, `identity`, `normal(std)`, `copy(path)` or `share(path)`.",
  }),
  "no-fate": (path: string, n: number, globs: readonly string[]) => ({
    message:
      n === 1
        ? `\`${path}\` is neither frozen nor trained.`
        : `\`${path}\` and ${n === 2 ? "1 more weight" : `${count(n - 1)} more weights`} are neither frozen nor trained.`,
    help: `Add \`train ${globs.join(", ")}\` or \`freeze ${globs.join(", ")}\`.`,
  }),
  "two-fates": (path: string) => ({
    message: `\`${path}\` is both frozen and trained.`,
    help: "Make the paths of `freeze` and `train` disjoint.",
  }),
  "glob-empty": (glob: string, near: string | undefined, roots: readonly string[]) => ({
    message: `No weight's path matches \`${glob}\`.`,
    help: mean(near) ?? `Paths begin with ${and(roots.map((r) => `\`${r}\``))}.`,
  }),
  "map-target": (target: string, tower: string, near: string | undefined) => ({
    message: `\`${tower}\` has no weight \`${target}\` to map.`,
    help: mean(near) ?? "Correct the path, or remove the line.",
  }),
  "mapped-twice": (path: string) => ({ message: `\`${path}\` is mapped twice.`, help: "Keep one of the lines." }),
  "map-index": () => ({
    message: "The index of a mapped layer is written `[i]`.",
    help: 'Write `layers[i].q <- "layers.{i}.q"`, shifts as in `{i + 1}`.',
  }),
  "map-template": (text: string) => ({
    message: `The braces of "${text}" hold no index.`,
    help: "Write `{i}`, `{i + 1}` or `{2 * i}`.",
  }),
  "map-source": () => ({
    message: "This is no place in a checkpoint.",
    help: 'Write a key, or `concat("a", "b")`, `split("a", parts: 3, take: 0)`, `transpose("a")`, `reshape("a", ...)`, `permute("a", ...)`.',
  }),
  "cannot-call": (what: string) => ({
    message: `${capital(what)} cannot be called.`,
    help: "Functions, parts and blocks can be called.",
  }),
} satisfies Record<string, (...args: never[]) => Said>;
