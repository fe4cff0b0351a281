// Weights of a model from a checkpoint file, through the model's own checkpoint map.
import type { Layout, Model } from "../../compiler/analyze/model.ts";
import { readAll, type WeightOf } from "./run.ts";

export const mapped = async (path: string, model: Model, map: string): Promise<WeightOf> => {
  const file = await readAll(path);
  const read = (layout: Layout): Float32Array => {
    if (layout.kind === "key") {
      const found = file.get(layout.key);
      if (!found) throw new Error(`no key ${layout.key}`);
      return found.data;
    }
    if (layout.kind === "reshape") return read(layout.of);
    throw new Error(`these files need no ${layout.kind}`);
  };
  const weights = new Map(model.weights.map((w) => [w.path, w.sources.find((s) => s.map === map)]));
  return (weight) => {
    const source = weights.get(weight);
    if (!source) throw new Error(`${weight} has no place in ${map}`);
    return read(source.value);
  };
};
