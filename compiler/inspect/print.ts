// An inspection as text: what the model has, which rows each program computes in each layer, what it costs, what is kept.
import { count } from "../../grammar/count.ts";
import { ranges } from "../rows/ranges.ts";
import type { Inspection, ProgramCost } from "./index.ts";

export const inspectionText = (found: Inspection): string =>
  [
    `${found.model}: ${count(found.parameters.total)} parameters, ${count(found.parameters.frozen)} frozen, ${count(found.parameters.trained)} trained`,
    ...found.towers.map(
      (tower) => `  ${tower.path}: ${tower.template}, ${tower.layers} layers, ${count(tower.parameters)} parameters`,
    ),
    "streams",
    ...found.streams.map(({ name, kinds }) => `  ${name}: ${kinds.join(", ")}`),
    "caches",
    ...(found.caches.length
      ? found.caches.map(
          (cache) => `  ${cache.name}: layers ${ranges(cache.layers)}, ${count(cache.bytesPerRow)} bytes a row`,
        )
      : ["  none"]),
    ...found.refused.map(
      ({ phases, rows, because }) => `refused: ${phases}, since rows of ${rows} see later ones by \`${because}\``,
    ),
    ...Object.entries(found.programs).flatMap(([name, program]) => programText(name, program)),
    "",
  ].join("\n");

const programText = (name: string, { flops, outputs, recomputed, rows }: ProgramCost): string[] => {
  const heads = outputs.filter((output) => !output.startsWith("new."));
  const kept = outputs.length - heads.length;
  return [
    name,
    `  gives ${[...heads, ...(kept ? [`${kept / 2} new keys and values`] : [])].join(", ")}`,
    ...(recomputed.length ? [`  computes again: ${recomputed.join(", ")}`] : []),
    `  flops as written: ${flops.naive}`,
    `  flops computed: ${flops.pruned}`,
    `  flops of heads: ${flops.heads}`,
    ...layersText(rows).map((line) => `  ${line}`),
  ];
};

/** Weights with the same rows together, layers that are alike together. */
const layersText = (rows: ProgramCost["rows"]): string[] => {
  const towers = new Map<string, Map<number, Map<string, string[]>>>();
  for (const [path, streams] of Object.entries(rows)) {
    const [, tower, layer, weight] = /^(.*)\[(\d+)\]\.([^[\]]*)$/.exec(path) ?? [];
    if (tower === undefined) continue;
    const layers = towers.get(tower) ?? new Map<number, Map<string, string[]>>();
    const own = layers.get(Number(layer)) ?? new Map<string, string[]>();
    const key = streams.join(", ");
    own.set(key, [...(own.get(key) ?? []), weight!]);
    layers.set(Number(layer), own);
    towers.set(tower, layers);
  }
  return [...towers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([tower, layers]) => {
      const texts = new Map<string, number[]>();
      for (const [layer, own] of [...layers].sort(([a], [b]) => a - b)) {
        const text = [...own]
          .map(([streams, weights]) => `${weights.sort().join(" ")} on ${streams}`)
          .sort()
          .join("; ");
        texts.set(text, [...(texts.get(text) ?? []), layer]);
      }
      return [...texts].map(([text, numbers]) => `${tower}[${ranges(numbers)}]: ${text}`);
    });
};
