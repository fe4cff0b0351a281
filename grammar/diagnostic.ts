// What is wrong, where, and what to do: diagnostics, the report that collects them, their text and their JSON form.
// Sentences live in messages tables (code -> typed function), so that each is written once and can be tested.

import type { Span } from "./ast.ts";
import { lineText, placeOf, type Place, type Source } from "./source.ts";

export type Severity = "error" | "warning";

/** What a message says: what is wrong in the user's words, and an action that mends it. */
export interface Said {
  readonly message: string;
  readonly help?: string | undefined;
}
/** A table of messages. The key is the stable code (a kebab slug); the arguments of its function are typed. */
export type Messages = { readonly [code: string]: (...args: never[]) => Said };

/** Another place that the mistake involves. */
export interface Note {
  readonly path: string;
  readonly span: Span;
  readonly text: string;
}
export interface Diagnostic {
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
  readonly help?: string | undefined;
  readonly path: string;
  readonly span: Span;
  readonly notes: readonly Note[];
}

/** Where a diagnostic or a note stands; without a path, in the report's own source. Any syntax node will do. */
export interface At {
  readonly path?: string | undefined;
  readonly span: Span;
}

/** Diagnostics kept by a report; those beyond are counted. */
export const maxDiagnostics = 100;

/** Collects the diagnostics of one run, over one messages table. A `Report<A & B>` serves where a `Report<A>` is asked. */
export class Report<M extends Messages> {
  /** in the order they were found, at most `maxDiagnostics` */
  readonly found: Diagnostic[] = [];
  /** how many more there were */
  more = 0;
  /** whether any was an error */
  failed = false;
  readonly path: string;
  private readonly messages: M;

  /** `path` is that of the main source, meant where a place names none. */
  constructor(messages: M, path = "") {
    this.messages = messages;
    this.path = path;
  }

  error<C extends keyof M & string>(
    code: C,
    at: At,
    args: Parameters<M[C]>,
    ...notes: readonly (At & { readonly text: string })[]
  ): undefined {
    this.failed = true;
    this.add("error", code, at, args, notes);
  }

  warn<C extends keyof M & string>(
    code: C,
    at: At,
    args: Parameters<M[C]>,
    ...notes: readonly (At & { readonly text: string })[]
  ): undefined {
    this.add("warning", code, at, args, notes);
  }

  private add<C extends keyof M & string>(
    severity: Severity,
    code: C,
    at: At,
    args: Parameters<M[C]>,
    notes: readonly (At & { readonly text: string })[],
  ): void {
    if (this.found.length >= maxDiagnostics) {
      this.more++;
      return;
    }
    const say = this.messages[code] as unknown as (...args: Parameters<M[C]>) => Said;
    const located = notes.map(({ path, span, text }) => ({ path: path ?? this.path, span, text }));
    this.found.push({ severity, code, ...say(...args), path: at.path ?? this.path, span: at.span, notes: located });
  }
}

export interface RenderOptions {
  /** ANSI colours; off unless asked */
  readonly colour?: boolean;
}

/** One diagnostic as text: title, code frame, the frames of its notes, help. No line break at the end. */
export const render = (sources: readonly Source[], found: Diagnostic, options: RenderOptions = {}): string => {
  const paint = painter(options.colour ?? false);
  const strong = found.severity === "error" ? paint.red : paint.yellow;
  const places = [found, ...found.notes].map(({ path, span }) => locate(sources, path, span));
  const width = Math.max(...places.map((place) => (place ? String(place.line).length : 1)));
  const lines = [`${strong(`${found.severity}[${found.code}]`)}: ${paint.bold(printable(found.message))}`];
  lines.push(...frame(places[0], found.path, width, paint, (length) => strong("^".repeat(length)), ""));
  found.notes.forEach((note, index) => {
    const mark = (length: number): string => paint.blue("-".repeat(length));
    lines.push(...frame(places[index + 1], note.path, width, paint, mark, printable(note.text)));
  });
  if (found.help !== undefined) lines.push(`${paint.bold("help")}: ${printable(found.help)}`);
  return lines.join("\n");
};

/** All diagnostics of a report as text, parted by blank lines, with a last line when more were found than kept. */
export const renderAll = <M extends Messages>(
  sources: readonly Source[],
  report: Report<M>,
  options: RenderOptions = {},
): string => {
  const texts = report.found.map((found) => render(sources, found, options));
  if (report.more > 0) texts.push(`and ${report.more} more`);
  return texts.join("\n\n");
};

export interface JsonPlace {
  readonly path: string;
  readonly span: Span;
  /** absent when the diagnostic's source is not among those given */
  readonly start?: Place;
  readonly end?: Place;
}
export interface JsonDiagnostic extends JsonPlace {
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
  readonly help?: string;
  readonly notes: readonly (JsonPlace & { readonly text: string })[];
}

/** A diagnostic as plain data for `--json` and editors: as it is, with lines and columns. */
export const toJSON = (sources: readonly Source[], found: Diagnostic): JsonDiagnostic => {
  const { severity, code, message, help, notes } = found;
  const place = ({ path, span }: { readonly path: string; readonly span: Span }): JsonPlace => {
    const source = sources.find((each) => each.path === path);
    return { path, span, ...(source && { start: placeOf(source, span.from), end: placeOf(source, span.to) }) };
  };
  return {
    severity,
    code,
    message,
    ...(help !== undefined && { help }),
    ...place(found),
    notes: notes.map((note) => ({ ...place(note), text: note.text })),
  };
};

// ── Frames ─────────────────────────────────────────────────────────────────────────────────────

interface Framed extends Place {
  /** the shown part of the line, and the marked range within it */
  readonly text: string;
  readonly from: number;
  readonly length: number;
}
/** Longer lines are shown in part, around the mark. */
const maxShown = 160;

/** The first line of a span, cut to what is worth showing; undefined when the source is not at hand. */
const locate = (sources: readonly Source[], path: string, span: Span): Framed | undefined => {
  const source = sources.find((each) => each.path === path);
  if (!source) return undefined;
  const { line, column } = placeOf(source, span.from);
  const whole = lineText(source, line);
  const start = Math.min(column - 1, whole.length);
  const length = Math.max(1, Math.min(span.to - span.from, whole.length - start));
  if (whole.length <= maxShown) return { line, column, text: printable(whole), from: start, length };
  const left = Math.max(0, Math.min(start - maxShown / 4, whole.length - maxShown));
  const text = printable(whole.slice(left, left + maxShown));
  const cut = left > 0 ? "…" : "";
  const more = left + maxShown < whole.length ? "…" : "";
  const from = start - left + cut.length;
  return { line, column, text: cut + text + more, from, length: Math.min(length, maxShown + cut.length - from) || 1 };
};

const frame = (
  at: Framed | undefined,
  path: string,
  width: number,
  paint: Painter,
  mark: (length: number) => string,
  text: string,
): string[] => {
  const gutter = " ".repeat(width);
  if (!at) return [`${gutter} ${paint.blue("┌─")} ${printable(path)}`, ...(text ? [`${gutter} ${text}`] : [])];
  const under = " ".repeat(at.from) + mark(at.length);
  return [
    `${gutter} ${paint.blue("┌─")} ${printable(path)}:${at.line}:${at.column}`,
    `${paint.blue(`${String(at.line).padStart(width)} │`)} ${at.text}`.trimEnd(),
    `${gutter} ${paint.blue("│")} ${under}${text ? ` ${text}` : ""}`,
  ];
};

/** Text of a file may hold anything: what could steer a terminal is shown as a replacement character. */
const printable = (text: string): string =>
  text.replace(/\t/g, " ").replace(/[^\P{Cc}\n]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");

type Paint = (text: string) => string;
interface Painter {
  readonly red: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
  readonly bold: Paint;
}
const painter = (colour: boolean): Painter => {
  const style =
    (code: number): Paint =>
    (text) =>
      colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { red: style(31), yellow: style(33), blue: style(34), bold: style(1) };
};
