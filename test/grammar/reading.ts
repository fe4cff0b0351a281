// Parsing and formatting for tests: results without spans, errors as text.

import { type File, format, parse, renderAll, Report, source, syntaxMessages } from "../../grammar/index.ts";

export interface Reading {
  readonly file: File | undefined;
  /** rendered diagnostics; empty when there are none */
  readonly errors: string;
  readonly codes: readonly string[];
}

export const readText = (text: string): Reading => {
  const report = new Report(syntaxMessages, "test.graft");
  const from = source("test.graft", text);
  const file = parse(from, report);
  return { file, errors: renderAll([from], report), codes: report.found.map(({ code }) => code) };
};

export const mustFormat = (text: string): string => {
  const report = new Report(syntaxMessages, "test.graft");
  const from = source("test.graft", text);
  const result = format(from, report);
  if (result === undefined) throw new Error(`${renderAll([from], report)}\n\nin\n\n${text}`);
  return result;
};

export const mustParse = (text: string): File => {
  const { file, errors } = readText(text);
  if (!file) throw new Error(`${errors}\n\nin\n\n${text}`);
  return file;
};

/** A tree as plain data without its spans, and without fields that are undefined. */
export const bare = (node: unknown): unknown =>
  JSON.parse(
    JSON.stringify(node, (key, value: unknown) =>
      key === "span" ? undefined : key === "aside" ? value !== undefined : value,
    ),
  ) as unknown;
