// What a picture of a model shows, as data: streams and how they enter and leave, towers, and for each step of the layers
// which blocks run, what reaches them, which rows each of their matrices is applied to, and what `h` becomes.
import type { Mask, Model, Seq, SeqOf, Step } from "../analyze/model.ts";
import { rowText } from "../analyze/printSeq.ts";
import { planOf, type Phase } from "../rows/phase.ts";
import type { Stream } from "../rows/stream.ts";
import { embedOf, meetingOf, rowsOf } from "../rows/walk.ts";
import { matricesOf, type Matrices } from "./svgMatrices.ts";

export interface Picture {
  readonly model: string;
  readonly doc: string;
  readonly parameters: { readonly frozen: number; readonly trained: number };
  readonly streams: readonly DrawnStream[];
  readonly columns: readonly Column[];
  readonly groups: readonly Group[];
  readonly masks: readonly DrawnMask[];
}
export interface DrawnStream {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly enters: string;
  readonly leaves: readonly string[];
}
export interface Column {
  readonly tower: string;
  readonly about: readonly string[];
}
/** Steps that look alike, one after another. */
export interface Group {
  readonly title: string;
  readonly count: number;
  readonly step: DrawnStep;
}
export interface DrawnStep {
  readonly op: string;
  readonly calls: readonly DrawnCall[];
  /** a stream's `h` after the step; the calls whose results it is made of, and whether of the `h` before it */
  readonly results: readonly { readonly text: string; readonly calls: readonly number[]; readonly kept: boolean }[];
}
export interface DrawnCall {
  readonly column: number;
  /** how many calls come before it, one after another */
  readonly level: number;
  /** its path in its tower */
  readonly title: string;
  readonly lanes: readonly Lane[];
  readonly matrices: Matrices;
  /** calls of one joint have the same number */
  readonly joint: number;
}
/** A stream that a call reads. */
export interface Lane {
  readonly stream: number;
  /** the call whose result it is; undefined: `h` */
  readonly from: number | undefined;
  /** what is done to it on the way: `64 -> 48` */
  readonly bridge: string;
}
export interface DrawnMask {
  readonly mask: Mask;
  readonly towers: readonly string[];
}

export const pictureOf = (model: Model): Picture => {
  const plan = planOf(model);
  const phase = plan.phases
    .filter((each) => each.kind === "forward")
    .reduce((most, each) => (each.appends.length > most.appends.length ? each : most));
  const columns: string[] = model.towers.map((tower) => tower.path);
  const masks = new Map<string, { mask: Mask; towers: string[] }>();
  const drawer: Drawer = { model, phase, streams: plan.streams, columns, masks, before: new Map() };
  const steps = model.steps.map((step) => {
    const drawn = stepOf(drawer, step);
    drawer.before.set(step.value, step.path);
    return { path: step.path, drawn };
  });
  const size = (trained: boolean): number =>
    model.weights
      .filter((weight) => weight.trained === trained)
      .reduce((sum, { shape }) => sum + shape.reduce((n, dim) => n * dim, 1), 0);
  return {
    model: model.name,
    doc: model.doc,
    parameters: { frozen: size(false), trained: size(true) },
    streams: plan.streams.map((stream) => streamOf(model, stream)),
    columns: columns.map((path) => columnOf(model, path)),
    groups: grouped(steps),
    masks: [...masks.values()],
  };
};

// ── Streams and towers ─────────────────────────────────────────────────────────────────────────
const streamOf = (model: Model, { name, kinds }: Stream): DrawnStream => {
  const { row } = embedOf(model, kinds[0]!);
  const part = row.path || [...rowsOf(row)].reduce((path, each) => path || each.path, "");
  const leaves = model.heads.flatMap((head) => {
    const kind = kinds.find((each) => head.value.shapes.has(each.name));
    if (kind === undefined) return [];
    const numbers = head.value.shapes.get(kind.name)!.join(" x ");
    const process = model.noise.find((noise) => noise.modality === head.modality)?.process;
    return [
      head.kind === "next_token"
        ? `next token: ${numbers} logits`
        : `${process?.predicts ?? "prediction"}: ${numbers} wide`,
    ];
  });
  const enters = `${part ? `enters through ${part}, ` : ""}${kinds[0]!.width} wide`;
  return { name, kinds: kinds.map((kind) => kind.name), enters, leaves };
};

const columnOf = (model: Model, path: string): Column => {
  const tower = model.towers.find((each) => each.path === path);
  const own = model.weights.filter(
    (weight) => weight.path.startsWith(`${path}.`) || weight.path.startsWith(`${path}[`),
  );
  const trained = own.filter((weight) => weight.trained).length;
  const fate = trained === 0 ? "frozen" : trained === own.length ? "trained" : "partly trained";
  if (tower === undefined) return { tower: path, about: own.length ? [fate] : [] };
  const first = tower.layers[0];
  const heads = first?.attends[0]?.src[0]?.shape[0];
  const width = first?.parameters[0]?.shape.at(-1);
  const sizes = [width === undefined ? "" : `${width} wide`, heads === undefined ? "" : `${heads} heads`];
  const what = [tower.template, `${tower.layers.length} layers`, fate];
  return { tower: path, about: [what, sizes.filter(Boolean)].map((line) => line.join(" \u00b7 ")) };
};

// ── Steps ──────────────────────────────────────────────────────────────────────────────────────
interface Drawer {
  readonly model: Model;
  readonly phase: Phase;
  readonly streams: readonly Stream[];
  readonly columns: string[];
  readonly masks: Map<string, { mask: Mask; towers: string[] }>;
  /** what earlier steps gave, by their paths */
  readonly before: Map<Seq, string>;
}
interface Flow {
  readonly text: string;
  readonly calls: readonly SeqOf<"call">[];
  readonly kept: boolean;
  readonly bridge: string;
}

const stepOf = (drawer: Drawer, step: Step): DrawnStep => {
  const found = callsOf(drawer, step.value);
  const order = [...found.keys()];
  const levels: number[] = [];
  const calls = order.map((call, i): DrawnCall => {
    const { owner, joint } = found.get(call)!;
    const matrices = matricesOf(drawer.model, owner, call, drawer.phase, drawer.streams);
    const lanes = matrices.reads.flatMap((stream): Lane[] => {
      const flow = flowOf(drawer, step.path, call.attrs.arguments[0]!, drawer.streams[stream]!);
      return flow ? [{ stream, from: indexOf(order, flow.calls.at(-1)), bridge: flow.bridge }] : [];
    });
    levels[i] = Math.max(0, ...lanes.map(({ from }) => (from === undefined ? 0 : levels[from]! + 1)));
    const tower = towerOf(drawer.model, call.attrs.block.path);
    if (!drawer.columns.includes(tower)) drawer.columns.push(tower);
    noteMask(drawer, owner, call, tower);
    return {
      column: drawer.columns.indexOf(tower),
      level: levels[i]!,
      title: call.attrs.block.path.replace(`${tower}.`, ""),
      lanes,
      matrices,
      joint,
    };
  });
  const results = drawer.streams.map((stream) => {
    const needed = drawer.phase.demand.streams.get(step.value)?.has(stream) ?? false;
    if (!needed) return { text: "not needed", calls: [], kept: false };
    const flow = flowOf(drawer, step.path, step.value, stream);
    const used = flow?.calls.map((call) => order.indexOf(call)).filter((i) => i >= 0) ?? [];
    return { text: flow?.text ?? "h", calls: used, kept: flow?.kept ?? true };
  });
  return { op: step.value.op, calls, results };
};
const indexOf = (order: readonly SeqOf<"call">[], call: SeqOf<"call"> | undefined): number | undefined => {
  const at = call === undefined ? -1 : order.indexOf(call);
  return at < 0 ? undefined : at;
};
const towerOf = (model: Model, path: string): string =>
  model.towers.find((tower) => path === tower.path || path.startsWith(`${tower.path}.`))?.path ??
  path.replace(/\[\d+\]$/, "");
const noteMask = ({ model, masks }: Drawer, owner: Owner, call: SeqOf<"call">, tower: string): void => {
  const { mask } = meetingOf(model, owner).find((meeting) => meeting.call === call)!;
  const key = JSON.stringify(mask);
  const known = masks.get(key) ?? { mask, towers: [] };
  if (!known.towers.includes(tower)) known.towers.push(tower);
  masks.set(key, known);
};

type Owner = SeqOf<"call"> | SeqOf<"joint">;
/** The calls that run in a step, those that others read first; a call of a joint with the joint that it is an arm of. */
const callsOf = (drawer: Drawer, root: Seq): Map<SeqOf<"call">, { readonly owner: Owner; readonly joint: number }> => {
  const found = new Map<SeqOf<"call">, { owner: Owner; joint: number }>();
  const seen = new Set<Seq>();
  let joints = 0;
  const visit = (seq: Seq): void => {
    if (seen.has(seq) || drawer.before.has(seq)) return;
    seen.add(seq);
    switch (seq.op) {
      case "embed":
        return;
      case "restrict":
        return visit(seq.attrs.of);
      case "union":
        return seq.attrs.parts.forEach(visit);
      case "map":
        return seq.attrs.arguments.forEach(visit);
      case "select":
        return seq.attrs.arms.forEach((arm) => visit(arm.value));
      case "call":
        visit(seq.attrs.arguments[0]!);
        if (drawer.phase.demand.streams.has(seq)) found.set(seq, { owner: seq, joint: joints++ });
        return;
      case "joint": {
        for (const { value } of seq.attrs.arms) visit(value.op === "call" ? value.attrs.arguments[0]! : value);
        const joint = joints++;
        if (drawer.phase.demand.streams.has(seq))
          for (const { call } of meetingOf(drawer.model, seq)) found.set(call, { owner: seq, joint });
        return;
      }
      default:
        throw new Error(`no such sequence: ${String(seq satisfies never)}`);
    }
  };
  visit(root);
  return found;
};

/** What a sequence is at the rows of one stream; undefined: it has none of them. */
const flowOf = (drawer: Drawer, path: string, seq: Seq, stream: Stream): Flow | undefined => {
  const kind = stream.kinds[0]!.name;
  const within = (each: Seq): Flow | undefined => flowOf(drawer, path, each, stream);
  if (drawer.before.has(seq)) return { text: "h", calls: [], kept: true, bridge: "" };
  switch (seq.op) {
    case "embed":
      return { text: "h", calls: [], kept: true, bridge: "" };
    case "restrict":
      return within(seq.attrs.of);
    case "union": {
      const part = seq.attrs.parts.find((each) => each.shapes.has(kind));
      return part && within(part);
    }
    case "select":
    case "joint": {
      const arm = seq.attrs.arms.find((each) => each.kinds.includes(kind));
      return arm && within(arm.value);
    }
    case "call":
      return { text: towerOf(drawer.model, seq.attrs.block.path), calls: [seq], kept: false, bridge: "" };
    case "map": {
      const parts = seq.attrs.arguments.map(within);
      const text = rowText(
        seq.attrs.body,
        parts.map((part) => part?.text ?? "0"),
      ).replaceAll(`${path}.`, "");
      return {
        text,
        calls: parts.flatMap((part) => part?.calls ?? []),
        kept: parts.some((part) => part?.kept),
        bridge: [...parts.map((part) => part?.bridge ?? "").filter(Boolean), bridgeOf(seq, kind)].join(", "),
      };
    }
    default:
      throw new Error(`no such sequence: ${String(seq satisfies never)}`);
  }
};
const bridgeOf = (seq: SeqOf<"map">, kind: string): string => {
  const before = seq.attrs.arguments[0]?.shapes.get(kind)?.join(" x ");
  const after = seq.attrs.body.shape.join(" x ");
  return before === undefined || before === after ? seq.attrs.body.op : `${before} \u2192 ${after}`;
};

/** Steps that are drawn alike, together: only the numbers of their layers differ. */
const grouped = (steps: readonly { readonly path: string; readonly drawn: DrawnStep }[]): Group[] => {
  const groups: { readonly paths: string[]; readonly steps: DrawnStep[]; readonly key: string }[] = [];
  for (const { path, drawn } of steps) {
    const key = JSON.stringify(drawn).replace(/\[\d+\]/g, "[i]");
    const open = groups.at(-1);
    if (open?.key === key) {
      open.paths.push(path);
      open.steps.push(drawn);
    } else groups.push({ paths: [path], steps: [drawn], key });
  }
  return groups.map(({ paths, steps: alike }) => {
    const calls = alike[0]!.calls.map((call, i) => ({
      ...call,
      title: together(alike.map((each) => each.calls[i]!.title)),
    }));
    return { title: together(paths), count: paths.length, step: { ...alike[0]!, calls } };
  });
};
/** `a[0]`, `a[1]`, `a[2]` as `a[0..2]`; numbers with gaps, as a list. */
const together = (paths: readonly string[]): string => {
  const [first, last] = [indexAt(paths[0]!), indexAt(paths.at(-1)!)];
  if (paths.length === 1 || first === undefined || last === undefined) return paths[0]!;
  const run = last - first === paths.length - 1;
  const numbers = run ? `${first}..${last}` : paths.map(indexAt).join(", ");
  return paths[0]!.replace(/\[\d+\]$/, `[${numbers}]`);
};
const indexAt = (path: string): number | undefined => {
  const found = /\[(\d+)\]$/.exec(path)?.[1];
  return found === undefined ? undefined : Number(found);
};
