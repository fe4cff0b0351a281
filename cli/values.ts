// Values of options: one of several names, a seed. Wrong ones are UsageErrors that name what may stand there.
import { nearest } from "../grammar/nearest.ts";
import { type Call, UsageError } from "./command.ts";

/** One of the names. @throws UsageError */
export const choose = <const T extends string>(option: string, given: string, names: readonly T[]): T => {
  const found = names.find((name) => name === given);
  if (found !== undefined) return found;
  const near = nearest(given, names);
  const help = near === undefined ? `it may be ${names.join(", ")}` : `did you mean ${near}?`;
  throw new UsageError(`--${option} is ${JSON.stringify(given)}`, help);
};

/** A finite number. @throws UsageError */
export const numberOf = (call: Call, option: string): number | undefined => {
  const given = call.value(option);
  if (given === undefined) return undefined;
  const number = given.trim() === "" ? NaN : Number(given);
  if (Number.isFinite(number)) return number;
  throw new UsageError(`--${option} is ${JSON.stringify(given)}`, "give a number");
};

/** A whole number from 0 on. @throws UsageError */
export const wholeOf = (call: Call, option: string): number | undefined => {
  const given = call.value(option);
  if (given === undefined) return undefined;
  if (/^\d+$/.test(given) && Number.isSafeInteger(Number(given))) return Number(given);
  throw new UsageError(`--${option} is ${JSON.stringify(given)}`, "give a whole number from 0 on");
};

/** `--seed`. @throws UsageError */
export const seedOf = (call: Call): number | undefined => {
  const given = call.value("seed");
  if (given === undefined) return undefined;
  const seed = Number(given);
  if (/^\d+$/.test(given) && seed < 2 ** 32) return seed;
  throw new UsageError(`--seed is ${JSON.stringify(given)}`, "it is a whole number from 0 to 2^32 - 1");
};
