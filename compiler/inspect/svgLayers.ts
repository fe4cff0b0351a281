// One step of the layers as a frame: `h` comes in from the left on one line a stream, each block is a box that the lines
// pass through, a filled square where a matrix is applied to their rows; what the step makes of them goes out at the left.
import { box, dot, ink, pill, streamColour, track, widthOf, write } from "./svgElement.ts";
import type { DrawnCall, DrawnStep, Group, Lane, Picture } from "./svgPicture.ts";
import type { Matrix } from "./svgMatrices.ts";

/** Where things stand: the lines of `h` left of the frames, a column for each tower. */
export interface Grid {
  readonly left: number;
  readonly frame: number;
  readonly column: number;
  readonly lane: number;
  readonly width: number;
}
const [LABELS, PAD, LINE, BAR, TRACKS] = [104, 20, 24, 30, 11] as const;
export const LANE_GAP = 16;
export const gridOf = ({ streams, columns }: Picture, left: number): Grid => {
  const lane = 64;
  const column = Math.max(240, LABELS + streams.length * lane + 12);
  const frame = left + streams.length * LANE_GAP + 12;
  return { left, frame, column, lane, width: PAD + columns.length * (column + PAD) };
};
export const trackX = (grid: Grid, stream: number): number => grid.left + stream * LANE_GAP;
export const columnX = (grid: Grid, column: number): number => grid.frame + PAD + column * (grid.column + PAD);
const laneX = (grid: Grid, call: DrawnCall, stream: number): number =>
  columnX(grid, call.column) + LABELS + stream * grid.lane + grid.lane / 2;

interface Placed {
  readonly call: DrawnCall;
  readonly top: number;
  readonly attend: number;
  readonly bottom: number;
}

/** From a point downwards. @returns the drawing and its height */
export const drawGroup = (
  picture: Picture,
  { title, count, step }: Group,
  grid: Grid,
  y: number,
): { readonly parts: readonly string[]; readonly height: number } => {
  const n = picture.streams.length;
  // Lines turn in without a crossing if the one on the right turns first, and out if the one on the left does.
  const enter = (stream: number): number => y + 46 + (n - 1 - stream) * TRACKS;
  const placed = place(step, y + 46 + n * TRACKS + 40);
  const bottom = Math.max(y + 46 + n * TRACKS + 20, ...placed.map((each) => each.bottom));
  const leave = (stream: number): number => bottom + 34 + stream * TRACKS;
  const text = leave(n) + 16;
  const end = text + n * 18;
  const parts: string[] = [];
  for (const shift of count > 1 ? [8, 4] : [])
    parts.push(
      box(grid.frame + shift, y + shift, grid.width, end - y, { fill: ink.frame, stroke: ink.edge, radius: 10 }),
    );
  parts.push(box(grid.frame, y, grid.width, end - y, { fill: ink.frame, stroke: ink.edge, radius: 10 }));
  parts.push(write(grid.frame + PAD, y + 24, title, { size: 13, mono: true, bold: true, room: grid.width - 120 }));
  const after = grid.frame + PAD + widthOf(title, 13, true) + 14;
  if (step.op === "select" || step.op === "joint") parts.push(write(after, y + 24, step.op, { fill: ink.soft }));
  if (count > 1) {
    const wide = widthOf(`x ${count}`, 15) + 22;
    parts.push(box(grid.frame + grid.width - wide - 12, y + 9, wide, 24, { fill: ink.text, radius: 12 }));
    const style = { size: 14, bold: true, fill: ink.ground, anchor: "middle" } as const;
    parts.push(write(grid.frame + grid.width - wide / 2 - 12, y + 26, `x ${count}`, style));
  }
  const wires = new Wires(picture, step, placed, grid, { enter, leave });
  parts.push(
    ...wires.buses(y, end),
    ...wires.boxes(),
    ...wires.lanes(),
    ...bars(step, placed, grid),
    ...squares(placed, grid),
  );
  parts.push(...wires.marks());
  for (const [i, { text: result }] of step.results.entries()) {
    const name = picture.streams[i]!.name;
    const at = text + 2 + i * 18;
    const shown = `h[${name}] = ${result}`;
    parts.push(write(grid.frame + PAD, at, shown, { mono: true, fill: streamColour(i), room: grid.width - 2 * PAD }));
  }
  return { parts, height: end - y + (count > 1 ? 8 : 0) };
};

/** Calls of one level side by side, their attentions in one line. */
const place = (step: DrawnStep, y: number): Placed[] => {
  const placed: Placed[] = [];
  const levels = Math.max(0, ...step.calls.map((call) => call.level + 1));
  let top = y;
  for (let level = 0; level < levels; level++) {
    const calls = step.calls.filter((call) => call.level === level);
    const before = Math.max(...calls.map(({ matrices }) => matrices.before.length));
    const after = Math.max(...calls.map(({ matrices }) => matrices.after.length));
    const attend = top + 34 + before * LINE;
    const bottom = attend + BAR + after * LINE + 10;
    for (const call of calls) placed.push({ call, top, attend, bottom });
    top = bottom + 40;
  }
  return step.calls.map((call) => placed.find((each) => each.call === call)!);
};
const lines = ({ call, attend }: Placed): { readonly matrix: Matrix; readonly y: number }[] => [
  ...call.matrices.before.map((matrix, i, all) => ({ matrix, y: attend - (all.length - i) * LINE + LINE / 2 })),
  ...call.matrices.after.map((matrix, i) => ({ matrix, y: attend + BAR + i * LINE + LINE / 2 })),
];

/** The names of the matrices and a square for each stream: filled if the matrix is applied to its rows. */
const squares = (placed: readonly Placed[], grid: Grid): string[] =>
  placed.flatMap((each) =>
    lines(each).flatMap(({ matrix, y }) => {
      const x = columnX(grid, each.call.column);
      const label = write(x + LABELS - 6, y + 4, matrix.names.join(" "), {
        size: 11,
        mono: true,
        anchor: "end",
        fill: ink.soft,
        room: LABELS - 16,
      });
      if (matrix.streams === undefined) {
        const wide = grid.column - LABELS - 20;
        const style = { size: 10, fill: ink.soft, anchor: "middle", room: wide } as const;
        const bar = box(x + LABELS + 4, y - 8, wide, 16, { stroke: ink.edge, radius: 8 });
        return [label, bar, write(x + LABELS + 4 + wide / 2, y + 3.5, "from conditions", style)];
      }
      return [
        label,
        ...each.call.lanes.map(({ stream }) => {
          const on = matrix.streams!.includes(stream);
          const style = on ? { fill: streamColour(stream), radius: 3 } : { stroke: ink.edge, radius: 3 };
          return box(laneX(grid, each.call, stream) - 8, y - 8, 16, 16, style);
        }),
      ];
    }),
  );

/** The only place where rows meet: one bar over the streams, over the towers too where they attend jointly. */
const bars = (step: DrawnStep, placed: readonly Placed[], grid: Grid): string[] =>
  [...new Set(step.calls.map((call) => call.joint))].flatMap((joint) => {
    const those = placed.filter(({ call }) => call.joint === joint && call.matrices.attends && call.lanes.length > 0);
    return [...new Set(those.map(({ attend }) => attend))].map((attend) => {
      const xs = those.flatMap(({ call }) => call.lanes.map(({ stream }) => laneX(grid, call, stream)));
      const [from, to] = [Math.min(...xs) - 30, Math.max(...xs) + 30];
      const label = those.length > 1 ? "one attention for all rows" : "attend";
      return (
        box(from, attend + 4, to - from, BAR - 8, { fill: ink.text, radius: 8 }) +
        write((from + to) / 2, attend + 19, label, { size: 11, fill: ink.ground, anchor: "middle" })
      );
    });
  });

/** The lines of the streams: along the left side, into the blocks, and back. */
class Wires {
  readonly #picture: Picture;
  readonly #step: DrawnStep;
  readonly #placed: readonly Placed[];
  readonly #grid: Grid;
  readonly #level: { readonly enter: (stream: number) => number; readonly leave: (stream: number) => number };

  constructor(
    picture: Picture,
    step: DrawnStep,
    placed: readonly Placed[],
    grid: Grid,
    level: { readonly enter: (stream: number) => number; readonly leave: (stream: number) => number },
  ) {
    this.#picture = picture;
    this.#step = step;
    this.#placed = placed;
    this.#grid = grid;
    this.#level = level;
  }
  /** Where a stream goes by all blocks. */
  #passing(stream: number): number {
    return this.#grid.frame + 8 + stream * 5;
  }
  #takes(stream: number): number[] {
    const lanes = this.#placed.flatMap(({ call }) =>
      call.lanes
        .filter((lane) => lane.stream === stream && lane.from === undefined)
        .map(() => laneX(this.#grid, call, stream)),
    );
    return this.#step.results[stream]!.kept ? [this.#passing(stream), ...lanes] : lanes;
  }
  #gives(stream: number): number[] {
    const { calls, kept } = this.#step.results[stream]!;
    const lanes = calls.map((i) => laneX(this.#grid, this.#step.calls[i]!, stream));
    return kept ? [this.#passing(stream), ...lanes] : lanes;
  }
  buses(y: number, end: number): string[] {
    return this.#picture.streams.flatMap((_, i) => {
      const [x, colour] = [trackX(this.#grid, i), streamColour(i)];
      const inwards = this.#level.enter(i);
      const outwards = this.#level.leave(i);
      const enters = `M ${x} ${y - 14} V ${inwards - 6} Q ${x} ${inwards} ${x + 6} ${inwards} H ${Math.max(x + 6, ...this.#takes(i))}`;
      const leaves = `M ${Math.max(x + 6, ...this.#gives(i))} ${outwards} H ${x + 6} Q ${x} ${outwards} ${x} ${outwards + 6} V ${end + 22}`;
      const passes = this.#step.results[i]!.kept ? [`M ${this.#passing(i)} ${inwards} V ${outwards}`] : [];
      return [enters, ...(this.#gives(i).length > 0 ? [leaves] : []), ...passes].map((path) =>
        track(path, colour, ink.frame),
      );
    });
  }
  boxes(): string[] {
    return this.#placed.map(({ call, top, bottom }) => {
      const x = columnX(this.#grid, call.column);
      const name = write(x + 10, top + 17, call.title, {
        size: 11,
        mono: true,
        bold: true,
        room: LABELS + this.#grid.lane / 2 - 18,
      });
      return box(x, top, this.#grid.column, bottom - top, { stroke: ink.edge, radius: 8 }) + name;
    });
  }
  lanes(): string[] {
    return this.#placed.flatMap((each) =>
      each.call.lanes.flatMap(({ stream, from }) => {
        const x = laneX(this.#grid, each.call, stream);
        const colour = streamColour(stream);
        const inside = track(`M ${x} ${each.top + 24} V ${this.#reach(each, stream)}`, colour, ink.ground);
        if (from === undefined)
          return [inside, track(`M ${x} ${this.#level.enter(stream)} V ${each.top + 24}`, colour, "none")];
        const source = this.#placed[from]!;
        const start = laneX(this.#grid, source.call, stream);
        const middle = (source.bottom + each.top) / 2;
        const path = `M ${start} ${source.bottom - 4} C ${start} ${middle} ${x} ${middle} ${x} ${each.top + 24}`;
        return [inside, track(path, colour, "none")];
      }),
    );
  }
  /** How far down a lane goes: to the attention if only keys and values are made of its rows. */
  #reach(each: Placed, stream: number): number {
    const index = this.#step.calls.indexOf(each.call);
    if (this.#step.results[stream]!.calls.includes(index)) return this.#level.leave(stream);
    const read = this.#step.calls.some((call) =>
      call.lanes.some((lane) => lane.stream === stream && lane.from === index),
    );
    return read || each.call.matrices.gives.includes(stream) ? each.bottom - 4 : each.attend + 8;
  }
  /** Whether the line has passed the same bridge above an earlier block of its column. */
  #known(call: DrawnCall, { stream, from, bridge }: Lane): boolean {
    const above = this.#step.calls.filter((each) => each.column === call.column && each.level < call.level);
    const same = (lane: Lane): boolean => lane.stream === stream && lane.from === from && lane.bridge === bridge;
    return from === undefined && above.some((each) => each.lanes.some(same));
  }
  /** Junctions and what is done on the way. */
  marks(): string[] {
    const bridges = this.#placed.flatMap(({ call, top }) =>
      call.lanes
        .filter((lane) => lane.bridge !== "" && !this.#known(call, lane))
        .map(({ stream, bridge }) => pill(laneX(this.#grid, call, stream), top - 14, bridge, streamColour(stream))),
    );
    const dots = this.#picture.streams.flatMap((_, i) => [
      ...this.#takes(i).map((x) => dot(x, this.#level.enter(i), streamColour(i))),
      ...this.#gives(i).map((x) => dot(x, this.#level.leave(i), streamColour(i))),
    ]);
    const sums = this.#step.results.flatMap((_, i) => {
      const xs = this.#gives(i);
      return xs.length < 2 ? [] : [sum(Math.min(...xs), this.#level.leave(i), streamColour(i))];
    });
    return [...bridges, ...dots, ...sums];
  }
}
const sum = (x: number, y: number, colour: string): string =>
  `<circle cx="${x}" cy="${y}" r="9" fill="${ink.ground}" stroke="${colour}" stroke-width="2"/>` +
  `<path d="M ${x - 5} ${y} H ${x + 5} M ${x} ${y - 5} V ${y + 5}" stroke="${colour}" stroke-width="2"/>`;
