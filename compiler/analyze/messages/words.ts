// Pieces of sentences: lists of names, numbers as people read them, and the name that may have been meant.
import { nearest } from "../../../grammar/nearest.ts";

export { count } from "../../../grammar/count.ts";

export const ticks = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
/** `a`, `a and b`, `a, b and c` */
export const and = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
export const or = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
export const mean = (near: string | undefined): string | undefined =>
  near === undefined ? undefined : `Did you mean \`${near}\`?`;
/** Names of which one was meant: the nearest one, or the first few. */
export const among = (name: string, names: readonly string[], what: string, none: string): string =>
  mean(nearest(name, names)) ?? (names.length ? `${what} ${few(names)}.` : none);
/** The first of many names. */
export const few = (names: readonly string[]): string =>
  names.length > 12 ? `${ticks(names.slice(0, 12))} and ${names.length - 12} more` : and(names.map((n) => `\`${n}\``));
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
