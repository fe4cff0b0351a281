// What a generation has told, by document.
import type { GenerateEvent, GenerateOptions, Past, Session } from "../../runtime/index.ts";

export const all = async (session: Session, options: GenerateOptions): Promise<GenerateEvent[]> => {
  const events: GenerateEvent[] = [];
  for await (const event of session.generate(options)) events.push(event);
  return events;
};
export const textOf = (events: readonly GenerateEvent[], document = 0): string =>
  events.map((event) => (event.is === "text" && event.document === document ? event.text : "")).join("");
export const idsOf = (events: readonly GenerateEvent[], document = 0): number[] =>
  events.flatMap((event) => (event.is === "text" && event.document === document ? event.ids : []));
export const rowsOf = (events: readonly GenerateEvent[], document = 0): number[] =>
  events.flatMap((event) => (event.is === "image" && event.document === document ? [...event.rows] : []));
export const pastOf = (events: readonly GenerateEvent[], document = 0): Past =>
  events.flatMap((event) => (event.is === "end" && event.document === document ? (event.past ?? []) : []))[0]!;
/** Calls and rows of each phase. */
export const costOf = (events: readonly GenerateEvent[]): Readonly<Record<string, readonly [number, number]>> => {
  const usage = events.find((event) => event.is === "usage")!;
  return Object.fromEntries(
    Object.entries(usage.phases).map(([phase, { calls, rows }]) => [phase, [calls, rows] as const]),
  );
};
