// A source text and its lines. Offsets are UTF-16 units into `text`, as in every span; lines and columns start at 1.
// The text keeps its CRLFs, so that a span means the same range in the file, a byte order mark aside.

export interface Source {
  /** as the user named it; the key by which diagnostics find their source */
  readonly path: string;
  readonly text: string;
  /** offset of the first character of each line */
  readonly lines: readonly number[];
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A source from the text of a file. A leading byte order mark is dropped. */
export const source = (path: string, text: string): Source => {
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const lines = [0];
  for (let at = body.indexOf("\n"); at >= 0; at = body.indexOf("\n", at + 1)) lines.push(at + 1);
  return { path, text: body, lines };
};

/** Line and column of an offset; offsets beyond the text are those of its end. */
export const placeOf = ({ text, lines }: Source, offset: number): Place => {
  const at = Math.max(0, Math.min(offset, text.length));
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: at - lines[low]! + 1 };
};

/** The text of a line (from 1), without its line break. */
export const lineText = ({ text, lines }: Source, line: number): string =>
  text.slice(lines[line - 1] ?? text.length, lines[line] ?? text.length).replace(/\r?\n$/, "");
