// The stages of row demand as text, for people and for goldens: streams, atoms, phases with what they read and write.
import { maskText } from "../analyze/printMask.ts";
import type { Atom } from "./atom.ts";
import type { Kept } from "./demand.ts";
import type { Phase, Plan } from "./phase.ts";
import { ranges } from "./ranges.ts";
import type { Stream } from "./stream.ts";

const names = (streams: Iterable<Stream>): string => [...streams].map((stream) => stream.name).join(", ") || "nothing";

export const printPlan = ({ streams, atoms, phases, caches, refusals }: Plan): string =>
  [
    "streams",
    ...streams.map((stream) => `  ${stream.name}: ${stream.kinds.map((kind) => kind.name).join(", ")}`),
    "atoms",
    ...atoms.map((atom) => `  ${printAtom(atom)}`),
    "caches",
    ...(caches.length ? grouped(caches).map((line) => `  ${line}`) : ["  none"]),
    ...refusals.map(
      ({ phases: what, atom }) => `refused: ${what}, by ${atom.because ? maskText(atom.because.mask) : "the mask"}`,
    ),
    ...phases.flatMap(printPhase),
  ].join("\n");

const printAtom = ({ streams, reach, because }: Atom): string =>
  `${names(streams)}: ${{ row: "a row", span: "the rows of a span", document: "the whole document" }[reach]}${because ? `, by ${maskText(because.mask)}` : ""}`;

/** Keys and values by tower and stream, with the layers that keep them. */
const grouped = (kept: readonly Kept[]): string[] => {
  const groups = new Map<string, string[]>();
  for (const { call, stream } of kept) {
    const [, tower, layer] = /^(.*?)\.?layers\[(\d+)\]$/.exec(call.attrs.block.path) ?? [
      undefined,
      call.attrs.block.path,
      "",
    ];
    const key = `${tower} over ${stream.name}`;
    groups.set(key, [...(groups.get(key) ?? []), layer!]);
  }
  return [...groups].map(([key, layers]) => `${key}: layers ${ranges(layers.map(Number).sort((a, b) => a - b))}`);
};

const printPhase = ({ name, appends, again, past, writes, demand }: Phase): string[] => [
  name,
  `  new: ${names(appends)}${again.length ? `; computed again: ${names(again)}` : ""}; past: ${names(past)}`,
  ...grouped(demand.reads).map((line) => `  reads ${line}`),
  ...grouped(writes).map((line) => `  writes ${line}`),
];
