// `--input NAME=VALUE`: what a model asks of a call, a document or each span beyond rows and noise, such as a label.
import { nearest } from "../grammar/nearest.ts";
import type { Values } from "../runtime/document.ts";
import type { Condition, Manifest } from "../runtime/manifest.ts";
import { type Call, UsageError } from "./command.ts";

/** Those given, by name: one number, or several parted by commas. @throws UsageError */
export const givenInputs = (call: Call, { conditions, modalities, noise, model }: Manifest): Values => {
  const given = new Map<string, number | Float32Array>();
  const extents = ["call", "document", ...modalities.flatMap((each) => (each.is === "span" ? [each.name] : []))];
  for (const text of call.values("input")) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) throw new UsageError(`--input is ${JSON.stringify(text)}`, "write --input NAME=VALUE");
    const condition = conditions.find((each) => each.name === name);
    if (condition === undefined) throw unknownInput(name, model, conditions);
    if (given.has(name)) throw new UsageError(`--input is given twice for ${name}`);
    if (noise.some(({ input }) => input === name) || condition.clean !== null)
      throw new UsageError(`--input ${name}: says how noisy an image is, which generate knows`, "leave it out");
    if (!extents.includes(condition.per))
      throw new UsageError(`--input ${name}: is asked of each row of ${condition.per}, which generate cannot give yet`);
    const numbers = value!.split(",").map((each) => (each.trim() === "" ? NaN : Number(each)));
    if (!numbers.every(Number.isFinite))
      throw new UsageError(`--input ${name} is ${JSON.stringify(value)}`, "give a number, or several parted by commas");
    given.set(name, numbers.length === 1 ? numbers[0]! : Float32Array.from(numbers));
  }
  return Object.fromEntries(given);
};

const unknownInput = (name: string, model: string, conditions: readonly Condition[]): UsageError => {
  const names = conditions.map((each) => each.name);
  const near = nearest(name, names);
  const help = near === undefined ? `it has ${names.join(", ") || "none"}` : `did you mean ${near}?`;
  return new UsageError(`${model} has no input ${name}`, help);
};
