// How a manifest lays out the rows of spans, as the packing of rows asks for it.
import type { Layout } from "./document.ts";
import type { Manifest } from "./manifest.ts";

export const layoutOf = ({ modalities }: Pick<Manifest, "modalities">): Layout =>
  Object.fromEntries(
    modalities.flatMap((modality) =>
      modality.is === "tokens"
        ? []
        : modality.segments.map(
            (s) => [s.kind, s.is === "grid" ? { count: s.rows * s.cols, cols: s.cols } : { id: s.id }] as const,
          ),
    ),
  );
