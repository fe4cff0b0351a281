// What bindings say of a model, found in its manifest: the numbers that each kind of row has, the inputs of spans and
// documents, which ports of a program are those of caches. As the runtime's packing of documents reads it.
import type { CacheEntry, Condition, Manifest, Port, ProgramEntry } from "../../runtime/manifest.ts";

/** Texts of the specification that a manifest does not have. */
export interface Notes {
  /** the `///` of the model; empty: it has none */
  readonly model: string;
  /** the `///` of modalities by name */
  readonly modalities: Readonly<Record<string, string>>;
}

/** A number or numbers that a caller gives by name. */
export interface Value {
  readonly name: string;
  /** `either`: no program reads it */
  readonly type: "number" | "numbers" | "either";
  readonly doc: string;
}
export interface Kind {
  readonly name: string;
  readonly doc: string;
  readonly values: readonly Value[];
}
export interface Span {
  readonly modality: string;
  readonly doc: string;
  readonly inputs: readonly Value[];
}
export interface Program {
  readonly entry: ProgramEntry;
  readonly kinds: readonly string[];
  /** outputs with a row for each row of a stream */
  readonly heads: readonly string[];
  readonly inputs: Ports;
  readonly outputs: Ports;
}
/** Ports one by one, but those of caches, which follow from the cache. */
export interface Ports {
  readonly caches: readonly string[];
  readonly others: readonly Port[];
}
export interface Facts {
  readonly kinds: readonly Kind[];
  readonly spans: readonly Span[];
  readonly inputs: readonly Value[];
  readonly programs: readonly Program[];
}

export const factsOf = (manifest: Manifest, notes: Notes): Facts => {
  const { conditions, modalities } = manifest;
  const spans = modalities.filter((modality) => modality.is === "span").map(({ name }) => name);
  const ports = manifest.programs.flatMap(({ inputs }) => inputs);
  const valueOf = (condition: Condition): Value => {
    const port = ports.find(({ name }) => name === condition.name);
    const rank = { call: 0, document: 1 }[condition.per] ?? 2;
    const type = port === undefined ? "either" : port.shape.length > rank ? "numbers" : "number";
    return { name: condition.name, type, doc: conditionDoc(condition, port?.doc ?? "") };
  };
  return {
    kinds: kindsOf(manifest, notes),
    spans: spans.map((modality) => ({
      modality,
      doc: noteOf(notes, modality),
      inputs: conditions.filter(({ per }) => per === modality).map(valueOf),
    })),
    inputs: conditions.filter(({ per }) => ["call", "document"].includes(per) && !spans.includes(per)).map(valueOf),
    programs: manifest.programs.map((entry) => programOf(manifest, entry)),
  };
};

const noteOf = ({ modalities }: Notes, name: string): string =>
  Object.hasOwn(modalities, name) ? modalities[name]! : "";

const conditionDoc = ({ per, clean }: Condition, doc: string): string => {
  const of = doc === "" ? `an input of each ${per}` : doc;
  return clean === null ? of : `${of}; ${clean} for one that is given as it is, without noise`;
};

/** What the runtime knows of a row by itself. */
const KNOWN = new Set(["order", "position", "span", "row", "col", "index"]);

const kindsOf = (manifest: Manifest, notes: Notes): Kind[] => {
  const valuesOf = (kind: string, isMarker: boolean): Value[] => {
    const found = new Map<string, Value>();
    for (const { streams, inputs } of manifest.programs) {
      const stream = streams.find(({ kinds }) => kinds.includes(kind))?.name;
      if (stream === undefined) continue;
      for (const { name, shape, doc } of inputs.filter(
        (port) => port.shape[0] === "batch" && port.shape[1] === stream,
      )) {
        const own = name.startsWith(`${stream}.`);
        const value = own ? name.slice(stream.length + 1) : name;
        // A marker's row is given by its token.
        if (KNOWN.has(value) || (own && isMarker)) continue;
        found.set(value, { name: value, type: shape.length > 2 ? "numbers" : "number", doc });
      }
    }
    return [...found.values()];
  };
  return manifest.modalities.flatMap((modality): Kind[] => {
    const note = noteOf(notes, modality.name);
    if (modality.is === "tokens") {
      const ids = [
        `ids 0 to ${modality.vocab - 1} are the vocabulary's`,
        ...modality.added.map((token, i) => `${modality.vocab + i} is ${token}`),
      ];
      const doc = `${note === "" ? "" : `${note}\n\n`}A token: ${ids.join(", ")}.`;
      return [{ name: modality.name, doc, values: valuesOf(modality.name, false) }];
    }
    return modality.segments.map((segment) => {
      if (segment.is === "marker") {
        const doc = `The token ${segment.token} (${segment.id}), one row of each ${modality.name}.`;
        return { name: segment.kind, doc, values: valuesOf(segment.kind, true) };
      }
      const { kind, rows, cols, width, order, channels } = segment;
      const laid = order === null ? "" : ` in the order ${order}`;
      const of = channels === null ? "" : `, of ${channels} channels`;
      const doc = `One of the ${rows} x ${cols} rows of each ${modality.name}: ${width} numbers${laid}${of}.`;
      return { name: kind, doc, values: valuesOf(kind, false) };
    });
  });
};

const programOf = (manifest: Manifest, entry: ProgramEntry): Program => {
  const named = (names: readonly string[]): CacheEntry[] => manifest.caches.filter(({ name }) => names.includes(name));
  /** An input that the specification says nothing of is described by what it is. */
  const noted = (port: Port): Port => {
    const condition = manifest.conditions.find(({ name }) => name === port.name);
    return condition === undefined ? port : { ...port, doc: conditionDoc(condition, port.doc) };
  };
  const { streams } = entry;
  const outputs = portsOf(entry.outputs, named(entry.writes), newPort);
  return {
    entry,
    kinds: streams.flatMap(({ kinds }) => kinds),
    heads: outputs.others
      .filter(
        ({ name, dtype, shape: [batch, extent, ...width] }) =>
          dtype === "f32" &&
          batch === "batch" &&
          width.length === 1 &&
          streams.some((stream) => extent === stream.name && name.startsWith(`${stream.name}.`)),
      )
      .map(({ name }) => name),
    inputs: portsOf(entry.inputs.map(noted), named(entry.reads), pastPort),
    outputs,
  };
};

type CachePort = (cache: CacheEntry, what: "k" | "v") => Omit<Port, "doc" | "below">;
const pastPort: CachePort = ({ name, stream, kvHeads, widths }, what) => ({
  name: `${name}.${what}`,
  dtype: "f32",
  shape: ["batch", kvHeads, `past.${stream}`, widths[what]],
});
const newPort: CachePort = ({ name, stream, kvHeads, widths }, what) => ({
  name: `new.${name}.${what}`,
  dtype: "f32",
  shape: ["batch", stream, kvHeads, widths[what]],
});

/** A cache stands for its two ports where both are just as they follow from it; any other port stands for itself. */
const portsOf = (ports: readonly Port[], caches: readonly CacheEntry[], portOf: CachePort): Ports => {
  const keyOf = ({ name, dtype, shape }: Omit<Port, "doc" | "below">): string => JSON.stringify([name, dtype, shape]);
  const there = new Set(ports.map(keyOf));
  const covered = new Set<string>();
  const names: string[] = [];
  for (const cache of caches) {
    const both = (["k", "v"] as const).map((what) => keyOf(portOf(cache, what)));
    if (!both.every((key) => there.has(key))) continue;
    names.push(cache.name);
    for (const key of both) covered.add(key);
  }
  return { caches: names, others: ports.filter((port) => !covered.has(keyOf(port))) };
};
