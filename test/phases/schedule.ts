// Documents run phase by phase: a random cut of each into calls, with caches as the runtime keeps them.
import type { DocumentRow, Noise } from "../../compiler/analyze/model.ts";
import type { Values } from "../../runtime/document.ts";

/** A generator of numbers in 0 .. 1 from a seed; mulberry32. */
export const drawn = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

export interface Piece {
  readonly rows: readonly DocumentRow[];
  readonly span?: Values | undefined;
}
/** One call of a schedule: the same phase for every document of a batch. */
export interface Call {
  readonly phase: "prefill" | "decode" | "read" | "denoise" | "last" | "draft";
  readonly pieces: readonly Piece[];
}
export interface Sizes {
  readonly vocab: number;
  /** rows and numbers of an image; undefined: text alone */
  readonly image:
    | {
        readonly rows: number;
        readonly width: number;
        readonly t: readonly [clean: number, most: number];
        readonly after: Noise["after"];
      }
    | undefined;
}

/**
 * 2 to 8 segments, texts of 1 to 9 rows and images, cut at random: text into prefills and decodes of one row, each image
 * into three denoising steps and what ends a drawing; where that is no reading, some images are given, and read alone. All
 * documents of a batch have the same calls and other contents.
 */
export const schedule = (seed: number, batch: number, { vocab, image }: Sizes): Call[] => {
  const random = drawn(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const number = (): number => Math.fround(2 * random() - 1);
  const calls: Call[] = [];
  const each = (make: () => Piece): Piece[] => Array.from({ length: batch }, make);
  let spans = 0;
  const texts = (count: number, extra: readonly DocumentRow[]): void => {
    let rest = [...Array.from({ length: count }, () => undefined), ...extra];
    while (rest.length) {
      const one = random() < 0.5;
      const size = one ? 1 : 1 + below(rest.length);
      const taken = rest.slice(0, size);
      rest = rest.slice(size);
      const phase = taken.length === 1 && one && taken[0] === undefined ? "decode" : "prefill";
      const text = (): DocumentRow => ({ kind: "text", span: 0, index: 0, values: { id: below(vocab) } });
      // The documents of a batch take unlike numbers of rows where a prefill is of text alone.
      const more = (): DocumentRow[] =>
        phase === "prefill" && taken.every((row) => row === undefined) ? Array.from({ length: below(3) }, text) : [];
      calls.push({ phase, pieces: each(() => ({ rows: [...taken.map((row) => row ?? text()), ...more()] })) });
    }
  };
  const segments = 2 + below(7);
  for (let s = 0; s < segments; s++) {
    if (!image || random() < 0.55) {
      texts(1 + below(9), []);
      continue;
    }
    const span = spans++;
    const marker = (kind: string): DocumentRow => ({ kind, span, index: 0, values: {} });
    texts(0, [marker("image.open")]);
    const patches = (z: () => Float32Array): DocumentRow[] =>
      Array.from({ length: image.rows }, (_, index) => ({ kind: "image.patch", span, index, values: { z: z() } }));
    const z = (): Float32Array => Float32Array.from({ length: image.width }, number);
    const step = (phase: "denoise" | "last"): void => {
      const t = (): number => Math.fround(image.t[0] + random() * (image.t[1] - image.t[0]));
      calls.push({ phase, pieces: each(() => ({ rows: patches(z), span: { t: t() } })) });
    };
    const end = image.after === "given" || random() < 0.7 ? image.after : "read";
    if (end !== "read") for (let n = end === "last" ? 2 : 3; n > 0; n--) step("denoise");
    if (end === "last") step("last");
    else {
      const phase = end === "never" ? "draft" : "read";
      calls.push({ phase, pieces: each(() => ({ rows: patches(z), span: { t: image.t[0] } })) });
    }
    texts(0, [marker("image.close")]);
  }
  return calls;
};
