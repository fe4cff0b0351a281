// The public face of the grammar: text to tree, canonical text, and diagnostics.

export type * from "./ast.ts";
export * from "./diagnostic.ts";
export { syntaxMessages, type SyntaxMessages } from "./messages.ts";
export { nearest } from "./nearest.ts";
export { parse } from "./parser.ts";
export { format } from "./printer.ts";
export { lineText, type Place, placeOf, source, type Source } from "./source.ts";
