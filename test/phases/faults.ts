// Faults of what is kept between calls: each changes what a program is given to read, as a faulty context would.
import type { Tensor } from "../../runtime/index.ts";
import type { Fault, Made, Tensors } from "./judge.ts";

export interface NamedFault {
  readonly name: string;
  /** only models that draw images can have it */
  readonly draws: boolean;
  readonly make: () => Fault;
}

/** The past streams of a call, and how many slots of each are used in each document. */
const pastOf = (inputs: Tensors): { readonly stream: string; readonly order: Tensor; readonly used: number[] }[] =>
  Object.entries(inputs).flatMap(([port, order]) => {
    const stream = /^past\.(.*)\.order$/.exec(port)?.[1];
    if (stream === undefined) return [];
    const [batch, room] = order.shape as [number, number];
    const places = order.data as Int32Array;
    const used = Array.from({ length: batch }, (_, d) => {
      const free = places.subarray(d * room, (d + 1) * room).indexOf(-1);
      return free < 0 ? room : free;
    });
    return [{ stream, order, used }];
  });

/** Another place in one slot of each past stream of each document; `slot` has it from how many are used, and the room. */
const misplaced =
  (slot: (used: number, room: number) => number | undefined, place: number): Fault =>
  (_made, inputs) => {
    const changed: Record<string, Tensor> = { ...inputs };
    for (const { stream, order, used } of pastOf(inputs)) {
      const room = order.shape[1]!;
      const data = (order.data as Int32Array).slice();
      for (const [d, count] of used.entries()) {
        const found = slot(count, room);
        if (found !== undefined) data[d * room + found] = place;
      }
      changed[`past.${stream}.order`] = { ...order, data } as Tensor;
    }
    return changed;
  };

/** The keys of the first slot are those of the last used one. */
const stale: Fault = ({ opened }: Made, inputs) => {
  const changed: Record<string, Tensor> = { ...inputs };
  const past = pastOf(inputs);
  for (const { name, stream } of opened.lowered.reads) {
    const keys = inputs[`${name}.k`]!;
    const [batch, heads, room, width] = keys.shape as [number, number, number, number];
    const data = (keys.data as Float32Array).slice();
    const { used } = past.find((each) => each.stream === stream)!;
    for (let line = 0; line < batch * heads; line++) {
      const last = used[Math.floor(line / heads)]! - 1;
      const first = line * room;
      if (last > 0) data.copyWithin(first * width, (first + last) * width, (first + last + 1) * width);
    }
    changed[`${name}.k`] = { ...keys, data } as Tensor;
  }
  return changed;
};

/** Rows that a call gave, and the ports that they came in by. */
interface Kept {
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly streams: readonly string[];
}
/** From the first drawing on, the caches also hold what the last step drew. */
const drawnIsKept = (): Fault => {
  let kept: Kept | undefined;
  return async (made, inputs) => {
    const changed = kept === undefined ? inputs : withKept(made, inputs, kept);
    if (made.opened.lowered.kind === "denoise") kept = await readAgain(made);
    return changed;
  };
};
/** What is drawn, as if it were read. */
const readAgain = async ({ session, context, opened, parts }: Made): Promise<Kept> => {
  const drawn = opened.lowered.streams.map(({ name }) => name);
  const reader = [...session.programs.values()].find(
    ({ lowered }) => lowered.kind === "read" && lowered.streams.some(({ name }) => drawn.includes(name)),
  )!;
  const inputs = await context.inputs(reader.entry, context.documents(reader.entry, parts));
  return {
    inputs,
    outputs: await reader.run(inputs),
    streams: reader.lowered.streams.map(({ name }) => name).filter((name) => drawn.includes(name)),
  };
};
const withKept = ({ opened }: Made, inputs: Tensors, kept: Kept): Tensors => {
  const changed: Record<string, Tensor> = { ...inputs };
  for (const stream of kept.streams) {
    for (const what of ["order", "span"]) {
      const port = `past.${stream}.${what}`;
      if (inputs[port]) changed[port] = behind(inputs[port], kept.inputs[`${stream}.${what}`]!, 1);
    }
    for (const { name } of opened.lowered.reads.filter((each) => each.stream === stream))
      for (const what of ["k", "v"]) {
        const rows = byHead(kept.outputs[`new.${name}.${what}`]!);
        changed[`${name}.${what}`] = behind(inputs[`${name}.${what}`]!, rows, 2);
      }
  }
  return changed;
};

/** `[batch, rows, heads, width]` to `[batch, heads, rows, width]` */
const byHead = (tensor: Tensor): Tensor => {
  const [batch, rows, heads, width] = tensor.shape as [number, number, number, number];
  const from = tensor.data as Float32Array;
  const data = new Float32Array(from.length);
  for (let d = 0; d < batch; d++)
    for (let row = 0; row < rows; row++)
      for (let head = 0; head < heads; head++) {
        const at = ((d * rows + row) * heads + head) * width;
        data.set(from.subarray(at, at + width), ((d * heads + head) * rows + row) * width);
      }
  return { dtype: "f32", shape: [batch, heads, rows, width], data };
};

/** `b` behind `a` along an axis. */
const behind = (a: Tensor, b: Tensor, axis: number): Tensor => {
  const lines = a.shape.slice(0, axis).reduce((n, dim) => n * dim, 1);
  const [one, two] = [a.data.length / lines, b.data.length / lines];
  const data = a.dtype === "i32" ? new Int32Array(lines * (one + two)) : new Float32Array(lines * (one + two));
  for (let line = 0; line < lines; line++) {
    data.set(a.data.subarray(line * one, (line + 1) * one) as never, line * (one + two));
    data.set(b.data.subarray(line * two, (line + 1) * two) as never, line * (one + two) + one);
  }
  const shape = a.shape.map((dim, i) => (i === axis ? dim + b.shape[axis]! : dim));
  return { dtype: a.dtype, shape, data } as Tensor;
};

export const faults: readonly NamedFault[] = [
  { name: "an old row has a later one's keys", draws: false, make: () => stale },
  { name: "what is drawn is kept", draws: true, make: drawnIsKept },
  {
    name: "a slot without a row is seen",
    draws: false,
    make: () => misplaced((used, room) => (used < room ? used : undefined), 0),
  },
  {
    name: "one row too few is kept",
    draws: false,
    make: () => misplaced((used) => (used > 0 ? used - 1 : undefined), -1),
  },
];
