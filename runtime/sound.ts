// What the form of a manifest cannot say: names are unique and speak of what exists, and each program's ports are those
// that its streams, its caches and its conditions ask for. What the runtime looks up later is there.
import { KV, newOf } from "./caches.ts";
import { quote } from "./quote.ts";
import type { CacheEntry, Manifest, Port, ProgramEntry, StreamEntry } from "./manifest.ts";
import { trainedFaults, trainingShapes, type Wanted } from "./soundTraining.ts";

/** The first thing that is wrong; undefined: the manifest is sound. */
export const faultIn = (manifest: Manifest): string | undefined => {
  for (const fault of [
    ...namesTwice(manifest),
    ...modelFaults(manifest),
    ...manifest.programs.flatMap((program) => programFaults(manifest, program)),
    ...endFaults(manifest),
    ...streamFaults(manifest),
    ...trainingFaults(manifest),
  ])
    if (fault !== undefined) return fault;
  return undefined;
};

type Fault = string | undefined;
const kindsOf = ({ modalities }: Manifest): string[] =>
  modalities.flatMap((each) => (each.is === "tokens" ? [each.name] : each.segments.map(({ kind }) => kind)));

const namesTwice = (manifest: Manifest): Fault[] => {
  const lists = [
    kindsOf(manifest),
    ...[manifest.modalities, manifest.programs, manifest.caches, manifest.conditions].map((some) =>
      some.map((each) => each.name),
    ),
    ...manifest.programs.flatMap(({ inputs, outputs, streams }) => [
      ...[inputs, outputs, streams].map((some) => some.map((each) => each.name)),
      streams.flatMap(({ kinds }) => kinds),
    ]),
  ];
  return lists.map((names) => {
    const seen = new Set<string>();
    const twice = names.find((name) => seen.size === seen.add(name).size);
    return twice === undefined ? undefined : `the name ${quote(twice)} stands twice`;
  });
};

const modelFaults = ({ modalities, conditions, noise, guides = [], session }: Manifest): Fault[] => {
  const texts = modalities.flatMap((each) => (each.is === "tokens" ? [each.name] : []));
  const spans = modalities.flatMap((each) => (each.is === "span" ? [each] : []));
  const extents = ["call", "document", ...texts, ...spans.flatMap((m) => [m.name, ...m.segments.map((s) => s.kind)])];
  return [
    ...noise.map(({ modality }): Fault =>
      spans.some(({ name }) => name === modality)
        ? undefined
        : `there is noise for the unknown span ${quote(modality)}`,
    ),
    ...noise.map(({ input }): Fault =>
      input === null || conditions.some(({ name }) => name === input)
        ? undefined
        : `the noise reads the unknown condition ${quote(input)}`,
    ),
    ...guides.map((guide): Fault => {
      if (guide.is === "replace")
        return conditions.some(({ name }) => name === guide.input)
          ? undefined
          : `a guide replaces the unknown condition ${quote(guide.input)}`;
      return texts.includes(guide.modality) && spans.some(({ name }) => name === guide.before)
        ? undefined
        : `a guide leaves out ${quote(guide.modality)} before ${quote(guide.before)}, which are no text and span`;
    }),
    ...spans
      .flatMap(({ segments }) => segments)
      .map((each): Fault =>
        each.is === "marker" && !texts.includes(each.text)
          ? `the marker ${quote(each.kind)} has the unknown text ${quote(each.text)}`
          : undefined,
      ),
    ...conditions.map(({ name, per }): Fault =>
      extents.includes(per) ? undefined : `the condition ${quote(name)} is of the unknown ${quote(per)}`,
    ),
    ...(session ?? []).map(({ modality }): Fault =>
      modalities.some(({ name }) => name === modality)
        ? undefined
        : `the session speaks of the unknown modality ${quote(modality)}`,
    ),
  ];
};

/** What is drawn is ended as its noise says. */
const endFaults = ({ noise, modalities, programs }: Manifest): Fault[] =>
  noise.map(({ modality, after = "given" }): Fault => {
    const own = modalities.flatMap((each) => (each.is === "span" && each.name === modality ? each.segments : []));
    const has = (phase: ProgramEntry["phase"]): boolean =>
      programs.some(
        (program) =>
          program.phase === phase &&
          program.streams.some(({ kinds }) => own.some(({ is, kind }) => is === "grid" && kinds.includes(kind))),
      );
    const end = { given: "read", last: "last", never: "draft" } as const;
    return has("denoise") && !has(end[after])
      ? `${quote(modality)} is drawn, and no program of the phase ${end[after]} ends a drawing`
      : undefined;
  });

const streamFaults = ({ programs, caches }: Manifest): Fault[] => {
  const streams = new Map<string, StreamEntry>();
  const unlike: Fault[] = [];
  for (const stream of programs.flatMap((program) => program.streams)) {
    const known = streams.get(stream.name);
    if (known !== undefined && known.kinds.join() !== stream.kinds.join())
      unlike.push(`the stream ${quote(stream.name)} has unlike kinds in two programs`);
    streams.set(stream.name, stream);
  }
  return [
    ...unlike,
    ...caches.map(({ name, stream }): Fault =>
      streams.has(stream) ? undefined : `the cache ${quote(name)} is of the unknown stream ${quote(stream)}`,
    ),
  ];
};

const LEAVES_NOTHING: readonly ProgramEntry["phase"][] = ["forward", "denoise", "draft"];
const programFaults = (manifest: Manifest, program: ProgramEntry): Fault[] => {
  const { name, streams, whole, again, reads, writes, graph, inputs, outputs, phase } = program;
  const known = kindsOf(manifest);
  const own = streams.map((stream) => stream.name);
  const caches = new Map(manifest.caches.map((cache) => [cache.name, cache]));
  const at = (what: string): string => `the program ${quote(name)} ${what}`;
  const missing = (names: readonly string[], among: readonly string[]): string | undefined =>
    names.find((each) => !among.includes(each));
  const kind = missing(
    streams.flatMap((stream) => stream.kinds),
    known,
  );
  const cache = [...reads, ...writes].find((each) => !caches.has(each));
  const stream = missing([...whole, ...again], own);
  const faults: Fault[] = [
    kind === undefined ? undefined : at(`takes the unknown kind ${quote(kind)}`),
    streams.some(({ kinds }) => kinds.length === 0) ? at("has a stream without kinds") : undefined,
    stream === undefined ? undefined : at(`has no stream ${quote(stream)}`),
    cache === undefined ? undefined : at(`has the unknown cache ${quote(cache)}`),
    (graph === null) === (outputs.length === 0) ? undefined : at("must have a graph just where it has outputs"),
    (phase === "forward" && reads.length > 0) || (LEAVES_NOTHING.includes(phase) && writes.length > 0)
      ? at(`is a ${phase}, and has caches that none reads or writes`)
      : undefined,
  ];
  if (cache !== undefined) return faults;
  const [read, written] = [reads, writes].map((names) => names.map((each) => caches.get(each)!));
  const stray = written!.find((each) => !own.includes(each.stream));
  return [
    ...faults,
    stray && at(`writes ${quote(stray.name)}, of whose rows it has none`),
    ...portFaults(inputs, (port) => inputShapes(manifest, program, read!, port)).map((fault) => fault && at(fault)),
    ...portFaults(outputs, (port) => outputShape(program, written!, port)).map((fault) => fault && at(fault)),
    ...read!
      .flatMap(({ name: each, stream: of }) => [`${each}.k`, `${each}.v`, `past.${of}.order`])
      .map((want): Fault =>
        inputs.some((port) => port.name === want) ? undefined : at(`lacks the input ${quote(want)}`),
      ),
    ...newOf(written!).map((want): Fault =>
      outputs.some((port) => port.name === want) ? undefined : at(`lacks the output ${quote(want)}`),
    ),
  ];
};

const portFaults = (ports: readonly Port[], wantedOf: (port: Port) => Wanted | undefined): Fault[] =>
  ports.map((port) => {
    const wanted = wantedOf(port);
    if (wanted === undefined) return `has the port ${quote(port.name)}, which nothing asks for`;
    const { dtype, shape, open } = wanted;
    const fits =
      (dtype === undefined || port.dtype === dtype) &&
      (open === true || port.shape.length === shape.length) &&
      shape.every((size, i) => port.shape[i] === size) &&
      port.shape.slice(shape.length).every((size) => typeof size === "number");
    if (!fits) return `has the port ${quote(port.name)} of another form: ${dtype ?? port.dtype} [${shape.join(", ")}]`;
    if (port.below !== null && port.dtype !== "i32")
      return `has the port ${quote(port.name)} of indices that are no i32`;
    return undefined;
  });

/** The same of what trains the model. */
const trainingFaults = (manifest: Manifest): Fault[] => {
  const { training } = manifest;
  if (training === undefined) return [];
  const shapeOf = trainingShapes(training);
  return [
    ...trainedFaults(manifest, training, kindsOf(manifest)),
    ...training.programs.flatMap((program) =>
      portFaults(program.inputs, (port) => shapeOf(program, port) ?? inputShapes(manifest, program, [], port)).map(
        (fault) => fault && `the program ${quote(program.name)} ${fault}`,
      ),
    ),
  ];
};

const inputShapes = (
  { conditions, modalities }: Manifest,
  { streams }: Pick<ProgramEntry, "streams">,
  reads: readonly CacheEntry[],
  { name }: Port,
): Wanted | undefined => {
  for (const { name: cache, stream, kvHeads, widths } of reads)
    for (const what of KV)
      if (name === `${cache}.${what}`)
        return { dtype: "f32", shape: ["batch", kvHeads, `past.${stream}`, widths[what]] };
  for (const { stream } of reads)
    if (name === `past.${stream}.order` || name === `past.${stream}.span`)
      return { dtype: "i32", shape: ["batch", `past.${stream}`] };
  for (const { name: stream, kinds } of streams) {
    if (PLACES.some((what) => name === `${stream}.${what}`)) return { dtype: "i32", shape: ["batch", stream] };
    if (name.startsWith(`${stream}.`) && !name.slice(stream.length + 1).includes("."))
      return { dtype: undefined, shape: ["batch", stream], open: true };
    const row = conditions.find((condition) => condition.name === name && kinds.includes(condition.per));
    if (row !== undefined) return { dtype: undefined, shape: ["batch", row.per], open: true };
  }
  const condition = conditions.find((each) => each.name === name);
  if (condition === undefined) return undefined;
  const spans = modalities.some((each) => each.is === "span" && each.name === condition.per);
  const shape = spans ? ["batch", condition.per] : condition.per === "document" ? ["batch"] : [];
  return { dtype: undefined, shape, open: true };
};
const PLACES = ["order", "position", "span", "row", "col", "index"] as const;

const outputShape = ({ streams }: ProgramEntry, writes: readonly CacheEntry[], { name }: Port): Wanted | undefined => {
  for (const { name: cache, stream, kvHeads, widths } of writes)
    for (const what of KV)
      if (name === `new.${cache}.${what}`) return { dtype: "f32", shape: ["batch", stream, kvHeads, widths[what]] };
  const stream = streams.find((each) => name.startsWith(`${each.name}.`));
  return stream && { dtype: "f32", shape: ["batch", stream.name], open: true };
};
