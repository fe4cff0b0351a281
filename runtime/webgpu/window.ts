// The part of a heap that a dispatch binds. Where what it reads and writes lies too far apart for one binding, or in
// several buffers, it is brought together in a scratch buffer first.
import type { Operand } from "../plan.ts";
import { alignUp, type Piece, piecesOf, type Space } from "./heap.ts";
import type { Extent } from "./sizes.ts";

export type Window =
  | { readonly is: "page"; readonly page: number; readonly offset: number; readonly size: number }
  /** pieces, copied to the scratch buffer of the heap one after the other; those written go back after the dispatch */
  | { readonly is: "scratch"; readonly size: number; readonly copies: readonly Copy[] };
export interface Copy extends Piece {
  readonly to: number;
  readonly back: boolean;
}
export type Range = readonly [from: number, to: number];

/** An operand that a dispatch reaches: the bytes of it, and its place among the operands. */
export interface Touched {
  readonly i: number;
  readonly range: Range;
  readonly operand: Operand;
  readonly address: number;
  readonly extent: Extent;
}
export interface Bound {
  readonly window: Window;
  /** by operand: in its own vec4s, from the window's beginning to its row 0 */
  readonly bases: ReadonlyMap<number, number>;
}

/** A number: the bytes that would have to be bound at once, which are too many. */
export const windowOf = (
  space: Space,
  touched: readonly Touched[],
  { binding, alignment }: { readonly binding: number; readonly alignment: number },
): Bound | number => {
  if (touched.length === 0)
    return {
      window: { is: "page", page: 0, offset: 0, size: Math.min(space.sizeOf(0), binding) },
      bases: new Map(),
    };
  return inPage(space, touched, binding, alignment) ?? inScratch(space, touched, binding);
};

const inPage = (space: Space, touched: readonly Touched[], binding: number, alignment: number): Bound | undefined => {
  const least = Math.min(...touched.map(({ range }) => range[0]));
  const most = Math.max(...touched.map(({ range }) => range[1]));
  const page = Math.floor(least / space.pageSize);
  const start = page * space.pageSize;
  if (most > start + space.pageSize) return undefined;
  // Whole pages where they may be bound, so that dispatches share their bind groups.
  const whole = space.sizeOf(page);
  const from = whole <= binding ? 0 : Math.floor((least - start) / alignment) * alignment;
  const to = whole <= binding ? whole : alignUp(most - start, 16);
  if (to - from > binding) return undefined;
  const bases = touched.map(({ i, address, extent }) => [i, (address - start - from) / extent.quadBytes] as const);
  return { window: { is: "page", page, offset: from, size: to - from }, bases: new Map(bases) };
};

const inScratch = (space: Space, touched: readonly Touched[], binding: number): Bound | number => {
  const size = touched.reduce((sum, { range: [from, to] }) => sum + alignUp(to - from, 16), 0);
  if (size > binding) return size;
  const copies: Copy[] = [];
  const bases = new Map<number, number>();
  let end = 0;
  for (const { i, address, extent, range, operand } of touched) {
    bases.set(i, (end - (range[0] - address)) / extent.quadBytes);
    let to = end;
    for (const piece of piecesOf(space, ...range)) {
      copies.push({ ...piece, to, back: operand.writes });
      to += piece.size;
    }
    end = alignUp(to, 16);
  }
  return { window: { is: "scratch", size: alignUp(end), copies }, bases };
};
