// What says that two trainings are of the same model: the same graphs over the same frozen weights.
import { createHash } from "node:crypto";
import type { Manifest, Training } from "../manifest.ts";

export const fingerprintOf = ({ model, weights }: Manifest, { programs, weights: trained }: Training): string => {
  const graphs = programs.map(({ name, graph }) => [name, graph.sha256]);
  const files = weights.map(({ size, sha256, header }) => [size, header ?? sha256]);
  const first = trained.map(({ path, shape }) => [path, shape]);
  return createHash("sha256")
    .update(JSON.stringify([model, graphs, files, first]))
    .digest("hex");
};
