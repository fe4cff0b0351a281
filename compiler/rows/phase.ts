// Phases: the programs that a session needs, each for the rows it appends, and the caches between them. One fixed point
// over the whole session: what a phase leaves for a later one is a root of the phase, and asking for it may ask an earlier
// phase for more.
import type { Head, Kind, Model, Seq, Step } from "../analyze/model.ts";
import { atomsOf, type Atom } from "./atom.ts";
import { demandOf, hasRows, type Demand, type Kept, type Roots } from "./demand.ts";
import { endsOf, isAppended, isGrid } from "./limit.ts";
import { anyOrder, type Precedes } from "./precedence.ts";
import { followingOf, type Following } from "./session.ts";
import { streamsOf, type Stream } from "./stream.ts";
import { subsets, wholesOf } from "./whole.ts";
import { taintOf, type Tainted } from "./taint.ts";

/**
 * `denoise` is a step of a drawing. What later rows see of a finished one, `read` gives from its clean rows; where the model
 * says `after: last`, the step `last` does; and where it says `after: never`, a `draft` takes places and leaves nothing.
 */
export type PhaseKind = "forward" | "prefill" | "decode" | "read" | "denoise" | "last" | "draft";
export interface Phase {
  /** `prefill(text, image)`, by modalities */
  readonly name: string;
  readonly kind: PhaseKind;
  /** whose rows it is given and, but for `forward` and `denoise`, appends */
  readonly appends: readonly Stream[];
  /** past rows that it must compute again, because what is drawn changes them; those of a stream that it appends too */
  readonly again: readonly Stream[];
  /** of which the document may hold rows already */
  readonly past: readonly Stream[];
  readonly heads: readonly Head[];
  /** steps of the layers that are given too, for verification */
  readonly taps: readonly Step[];
  /** keys and values of its new rows that it gives for later phases */
  readonly writes: readonly Cache[];
  readonly demand: Demand;
}
/** Keys and values of past rows of one stream at one call. */
export interface Cache extends Kept {
  /** `language.layers[3]/text` */
  readonly name: string;
}
/** A phase that the model's masks forbid. */
export interface Refusal {
  readonly phases: string;
  readonly atom: Atom;
}
export interface Plan {
  readonly streams: readonly Stream[];
  readonly atoms: readonly Atom[];
  readonly phases: readonly Phase[];
  readonly caches: readonly Cache[];
  readonly refusals: readonly Refusal[];
}

interface Draft {
  readonly kind: PhaseKind;
  readonly name: string;
  readonly appends: readonly Stream[];
  readonly past: readonly Stream[];
  readonly again: Set<Stream>;
  readonly precedes: Precedes;
  readonly heads: readonly Head[];
  readonly taps: readonly Step[];
  readonly roots: readonly { readonly seq: Seq; readonly stream: Stream }[];
  reads: readonly Kept[];
}

/** The plan of a model. With `taps`, whole documents also give these steps. */
export const planOf = (model: Model, taps: readonly Step[] = []): Plan => {
  const streams = streamsOf(model);
  const atoms = atomsOf(model, streams);
  const following = followingOf(model);
  const tainted = taintOf(model, streams);
  const drafts = [...forwards(model, streams, taps), ...cached(model, streams, atoms, following)];
  const caches = solve(model, drafts, tainted);
  const phases = drafts.map((draft): Phase => {
    const { kind, name, appends, past, heads, taps: given } = draft;
    const writes = writesOf(draft, caches);
    return {
      kind,
      name,
      appends,
      past,
      heads,
      taps: given,
      again: [...draft.again],
      writes,
      demand: demanded(model, draft, writes),
    };
  });
  return { streams, atoms, phases, caches, refusals: refusalsOf(atoms) };
};

// ── Which phases there are ─────────────────────────────────────────────────────────────────────
const modalitiesOf = (streams: readonly Stream[]): string[] => [
  ...new Set(streams.map((stream) => stream.kinds[0]!.modality)),
];
const rootsOf = (heads: readonly { readonly value: Seq }[], streams: readonly Stream[]): Draft["roots"] =>
  heads.flatMap(({ value }) =>
    streams.filter((stream) => hasRows(value, stream)).map((stream) => ({ seq: value, stream })),
  );

/** Whole documents: one for each set of streams that some modalities bring, where it has an output. */
const forwards = (model: Model, streams: readonly Stream[], taps: readonly Step[]): Draft[] =>
  wholesOf(model, streams).flatMap(({ name, streams: appends }) => {
    const heads = model.heads.filter((head) => appends.some((stream) => hasRows(head.value, stream)));
    if (!heads.length) return [];
    const roots = [...rootsOf(heads, appends), ...rootsOf(taps, appends)];
    return {
      kind: "forward",
      name: `forward(${name})`,
      appends,
      past: [],
      again: new Set(),
      precedes: () => false,
      heads,
      taps,
      roots,
      reads: [],
    };
  });

/** What appends to a document, and what draws: for the atoms that masks allow to stand alone. */
const cached = (model: Model, streams: readonly Stream[], all: readonly Atom[], following: Following): Draft[] => {
  if (all.some((atom) => atom.reach === "document")) return [];
  const atoms = all.filter((atom) => isAppended(model, atom));
  const precedes = (first: Stream, next: Stream): boolean => mayPrecede(model, first, next, following);
  const draft = (kind: PhaseKind, appends: readonly Stream[], heads: readonly Head[]): Draft => ({
    kind,
    name: `${kind}(${modalitiesOf(appends).join(", ")})`,
    appends,
    past: streams.filter((stream) => appends.some((next) => precedes(stream, next))),
    again: new Set(),
    precedes,
    heads,
    taps: [],
    roots: rootsOf(heads, appends),
    reads: [],
  });
  const spans = atoms.filter(isGrid);
  const prefills = subsets(atoms)
    .filter((set) => set.some((atom) => !spans.includes(atom)))
    .map((set) =>
      draft(
        "prefill",
        ordered(
          streams,
          set.flatMap((atom) => atom.streams),
        ),
        [],
      ),
    );
  const decodes = atoms.flatMap((atom) => {
    const heads = model.heads.filter(
      (head) => head.kind === "next_token" && atom.streams.some((stream) => hasRows(head.value, stream)),
    );
    return !spans.includes(atom) && heads.length ? [draft("decode", atom.streams, heads)] : [];
  });
  const reads = spans.map((atom) => draft("read", atom.streams, []));
  const denoises = spans.flatMap((atom) => {
    const heads = model.heads.filter(
      (head) => head.kind === "denoise" && atom.streams.some((stream) => hasRows(head.value, stream)),
    );
    if (heads.length === 0) return [];
    const ends = endsOf(model, atom);
    return [
      draft("denoise", atom.streams, heads),
      ...(ends.has("last") ? [draft("last", atom.streams, heads)] : []),
      ...(ends.has("never") ? [draft("draft", atom.streams, [])] : []),
    ];
  });
  return distinctNames([...prefills, ...decodes, ...reads, ...denoises]);
};
const ordered = (streams: readonly Stream[], some: readonly Stream[]): Stream[] =>
  streams.filter((stream) => some.includes(stream));
/** Two phases of one name append unlike streams of the same modalities: they are told apart by their streams. */
const distinctNames = (drafts: readonly Draft[]): Draft[] => {
  const count = new Map<string, number>();
  for (const { name } of drafts) count.set(name, (count.get(name) ?? 0) + 1);
  return drafts.map((draft) =>
    count.get(draft.name)! > 1
      ? { ...draft, name: `${draft.kind}(${draft.appends.map((s) => s.name).join(", ")})` }
      : draft,
  );
};
/** Whether a document may hold rows of one stream when rows of another are appended. */
const mayPrecede = (model: Model, first: Stream, next: Stream, following: Following): boolean =>
  first.kinds.some((a) =>
    next.kinds.some((b) => {
      if (!matters(model, b, following)) return false;
      if (a.modality !== b.modality) return following.get(a.modality)!.has(b.modality);
      const modality = model.modalities.find((m) => m.name === a.modality)!;
      if (modality.kind === "tokens") return true;
      return (
        modality.segments.indexOf(a.name) < modality.segments.indexOf(b.name) ||
        following.get(a.modality)!.has(b.modality)
      );
    }),
  );
/** Rows that no head has and after which nothing comes are of no use to anyone, whatever they are. */
const matters = (model: Model, { name, modality }: Kind, following: Following): boolean => {
  const segments = model.modalities.flatMap((m) => (m.name === modality && m.kind === "span" ? m.segments : [name]));
  return (
    segments.at(-1) !== name ||
    following.get(modality)!.size > 0 ||
    model.heads.some((head) => head.value.shapes.has(name))
  );
};
const refusalsOf = (atoms: readonly Atom[]): Refusal[] =>
  atoms
    .filter((atom) => atom.reach === "document")
    .map((atom) => ({ phases: "prefill, decode, read and denoise", atom }));

/** Phases that compute with what changes from step to step. */
const DRAWS: readonly PhaseKind[] = ["denoise", "last"];
/** Phases that leave keys and values of what they append. */
const LEAVES: readonly PhaseKind[] = ["prefill", "decode", "read", "last"];

// ── The fixed point ────────────────────────────────────────────────────────────────────────────
const same = (a: Kept, b: Kept): boolean => a.call === b.call && a.attend === b.attend && a.stream === b.stream;

/** What is read of past rows by some phase that may come after a phase that appends them. */
const solve = (model: Model, drafts: readonly Draft[], tainted: Tainted): Cache[] => {
  const caches: Kept[] = [];
  for (let changed = true; changed;) {
    changed = false;
    for (const draft of drafts) {
      const { reads } = demanded(model, draft, writesOf(draft, caches));
      draft.reads = reads;
      for (const kept of reads) {
        const changes = DRAWS.includes(draft.kind) && tainted(kept, draft.appends);
        if (changes && !draft.again.has(kept.stream)) {
          draft.again.add(kept.stream);
          // What was kept for it may now be kept for nobody.
          caches.length = 0;
          changed = true;
        } else if (!changes && !caches.some((cache) => same(cache, kept))) {
          caches.push(kept);
          changed = true;
        }
      }
    }
  }
  const count = new Map<string, number>();
  return caches.map((kept) => {
    const name = `${kept.call.attrs.block.path}/${kept.stream.name}`;
    const n = (count.get(name) ?? 0) + 1;
    count.set(name, n);
    return { ...kept, name: n > 1 ? `${name}.${n}` : name };
  });
};
/** Rows that a phase computes again are new to it, though it appends none of them. */
const demanded = (model: Model, draft: Draft, writes: readonly Kept[]): Demand => {
  const roots: Roots = { values: draft.roots, keys: writes };
  const fresh = [...new Set([...draft.appends, ...draft.again])];
  return demandOf(
    model,
    {
      fresh,
      past: draft.past.filter((stream) => !draft.again.has(stream)),
      precedes: draft.precedes,
      among: anyOrder,
    },
    roots,
  );
};
const writesOf = <K extends Kept>({ kind, appends }: Draft, caches: readonly K[]): K[] =>
  LEAVES.includes(kind) ? caches.filter(({ stream }) => appends.includes(stream)) : [];
