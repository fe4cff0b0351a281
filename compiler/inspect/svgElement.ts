// The few SVG elements that pictures are made of, as text. Whatever a name holds, the text is well-formed XML.

/** Colours are fixed, and the page has a ground of its own: a picture reads the same on light and dark. */
export const ink = {
  ground: "#ffffff",
  frame: "#f8fafc",
  edge: "#cbd5e1",
  faint: "#e2e8f0",
  text: "#0f172a",
  soft: "#64748b",
} as const;
const streamColours = ["#2563eb", "#ea580c", "#16a34a", "#9333ea", "#db2777", "#0891b2", "#a16207", "#475569"];
const termColours = ["#64748b", "#14b8a6", "#f43f5e", "#8b5cf6", "#eab308", "#0ea5e9"];
export const streamColour = (index: number): string => streamColours[index % streamColours.length]!;
export const termColour = (index: number): string => termColours[index % termColours.length]!;

const SANS = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif";
const MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";

/** What XML forbids becomes a replacement character; what it means, an entity. */
export const escaped = (text: string): string =>
  text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);

export interface TextStyle {
  readonly size?: number;
  readonly mono?: boolean;
  readonly bold?: boolean;
  readonly fill?: string;
  readonly anchor?: "start" | "middle" | "end";
  /** pixels that there are; a longer text is cut */
  readonly room?: number;
}
export const write = (x: number, y: number, text: string, style: TextStyle = {}): string => {
  const { size = 12, mono = false, bold = false, fill = ink.text, anchor = "start", room } = style;
  const shown = room === undefined ? text : cut(text, Math.floor(room / advance(size, mono)));
  const attributes = [
    `x="${x}" y="${y}" font-size="${size}" fill="${fill}"`,
    mono ? `font-family="${MONO}"` : "",
    bold ? 'font-weight="600"' : "",
    anchor === "start" ? "" : `text-anchor="${anchor}"`,
  ];
  return `<text ${attributes.filter(Boolean).join(" ")}>${escaped(shown)}</text>`;
};
/** About how wide a character is: monospace is 0.6 em everywhere, the rest is on average less. */
const advance = (size: number, mono: boolean): number => size * (mono ? 0.61 : 0.56);
/** About how wide a text is, in pixels. */
export const widthOf = (text: string, size: number, mono = false): number =>
  Math.ceil([...text].length * advance(size, mono));
const cut = (text: string, most: number): string => {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, Math.max(1, most - 1)).join("")}\u2026`;
};

/** Lines of at most `room` pixels, broken at spaces; at most `most` lines, the last one cut. */
export const wrapped = (text: string, room: number, size: number, most: number, mono = false): string[] => {
  const letters = Math.floor(room / advance(size, mono));
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && [...last].length + 1 + [...word].length <= letters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const kept = lines.length <= most ? lines : [...lines.slice(0, most - 1), lines.slice(most - 1).join(" ")];
  return kept.map((line) => cut(line, letters));
};

export interface BoxStyle {
  readonly fill?: string;
  readonly stroke?: string;
  readonly radius?: number;
}
export const box = (x: number, y: number, width: number, height: number, style: BoxStyle = {}): string => {
  const { fill = ink.ground, stroke, radius = 0 } = style;
  const edge = stroke === undefined ? "" : ` stroke="${stroke}"`;
  const corner = radius === 0 ? "" : ` rx="${radius}"`;
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}"${corner} fill="${fill}"${edge}/>`;
};

/** A line of a stream, on a casing that lets it pass over others. */
export const track = (path: string, colour: string, casing: string): string =>
  [
    `<path d="${path}" fill="none" stroke="${casing}" stroke-width="7"/>`,
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="3" stroke-linecap="round"/>`,
  ].join("");
export const dot = (x: number, y: number, colour: string): string =>
  `<circle cx="${x}" cy="${y}" r="5" fill="${colour}" stroke="${ink.ground}" stroke-width="2"/>`;

/** A small label on a line, in its middle. */
export const pill = (x: number, y: number, text: string, colour: string): string => {
  const width = widthOf(text, 10, true) + 12;
  return (
    box(x - width / 2, y - 9, width, 18, { stroke: colour, radius: 9 }) +
    write(x, y + 3.5, text, { size: 10, mono: true, anchor: "middle", fill: colour })
  );
};

/** A whole picture of this size, with a title for those who do not see it. */
export const page = (width: number, height: number, title: string, parts: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${SANS}" role="img">`,
    `<title>${escaped(title)}</title>`,
    box(0.5, 0.5, width - 1, height - 1, { stroke: ink.edge, radius: 12 }),
    ...parts,
    "</svg>",
    "",
  ].join("\n");

/** A run of text within another, cut to `most` characters. */
export const span = (text: string, attributes: string, most: number): string =>
  `<tspan xml:space="preserve" ${attributes}>${escaped(cut(text, most))}</tspan>`;
