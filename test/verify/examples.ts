// The small models of the examples, and one analysed by name.
import { readFileSync } from "node:fs";
import { check, type Model, programs } from "../../compiler/index.ts";
import { wholeDocuments } from "../../cli/verify/graphs.ts";
import type { ModelModule } from "../../compiler/ir/module.ts";
import { renderAll, type Source } from "../../grammar/index.ts";

/** model -> its file */
export const small = {
  LlamaModel: "llama",
  SingleTower: "xfusion",
  GatedLayer: "xfusion",
  DualProjection: "xfusion",
  DualTower: "xfusion",
  XFuse: "xfusion",
  DualTowerDiT: "xfusion",
  LMFusion: "lmfusion",
} as const;
export type SmallModel = keyof typeof small;
export const smallModels = Object.keys(small) as readonly SmallModel[];

export interface Example {
  readonly model: Model;
  readonly sources: readonly Source[];
  /** its programs for whole documents, lowered once, without taps */
  readonly module: ModelModule;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  } catch {
    return undefined;
  }
};

/** A model of an example. */
export const example = (file: string, name: string): Example => {
  const checked = check(`examples/${file}/${file}.graft`, read);
  const model = checked.model(name);
  if (model === undefined) throw new Error(renderAll(checked.sources, checked.report));
  const { sources } = checked;
  return { model, sources, module: wholeDocuments(programs(model, sources)) };
};
export const smallExample = (name: SmallModel): Example => example(small[name], name);
