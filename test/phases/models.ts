// The models whose phases are judged: the small ones of the examples, with smaller images, and weights for them.
import { readFileSync } from "node:fs";
import { specify, type Specified, type WeightOf } from "../reference/run.ts";
import type { Noise } from "../../compiler/analyze/model.ts";
import { drawn, type Sizes } from "./schedule.ts";

export interface Small {
  readonly file: string;
  readonly name: string;
  /** the greatest noise of an image; 0: there are no images */
  readonly most: number;
  /** what later rows see of a finished drawing; `given` if left out, as the example says */
  readonly after?: Noise["after"];
}
export const models: readonly Small[] = [
  { file: "llama", name: "LlamaModel", most: 0 },
  { file: "xfusion", name: "SingleTower", most: 1 },
  { file: "xfusion", name: "GatedLayer", most: 1 },
  { file: "xfusion", name: "DualProjection", most: 1 },
  { file: "xfusion", name: "DualTower", most: 1 },
  { file: "xfusion", name: "XFuse", most: 1 },
  { file: "xfusion", name: "DualTowerDiT", most: 999 },
  { file: "lmfusion", name: "LMFusion", most: 1 },
];

/** Whose drawings end otherwise than the examples say. */
export const ending: readonly (Small & { readonly after: Noise["after"] })[] = [
  { file: "xfusion", name: "DualTower", most: 1, after: "last" },
  { file: "xfusion", name: "DualTowerDiT", most: 999, after: "last" },
  { file: "lmfusion", name: "LMFusion", most: 1, after: "last" },
  { file: "xfusion", name: "DualTower", most: 1, after: "never" },
];

/** With images of 2 x 2 patches of 12 numbers: nothing but sizes changes, and how a drawing ends. */
export const source = ({ file, after = "given" }: Small): string =>
  readFileSync(new URL(`../../examples/${file}/${file}.graft`, import.meta.url), "utf8")
    .replaceAll("rows = 8", "rows = 2")
    .replaceAll("rows: 8", "rows: 2")
    .replaceAll("patch = 48", "patch = 12")
    .replaceAll("size: 4", "size: 2")
    .replaceAll("after: given", `after: ${after}`);
export const example = (small: Small): Specified => specify(source(small), small.name);
export const sizesOf = ({ most, after = "given" }: Small): Sizes => ({
  vocab: 256,
  image: most === 0 ? undefined : { rows: 4, width: 12, t: [0, most], after },
});

/** Weights of ordinary size, every one different. */
export const weightsOf = ({ model }: Specified): WeightOf => {
  const random = drawn(7);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const made = new Map(
    model.weights.map(({ path, shape }) => {
      const size = shape.reduce((n, d) => n * d, 1);
      const std = shape.length === 2 ? 1.2 / Math.sqrt(shape[1]!) : 0.2;
      const mean = shape.length === 1 && path.endsWith("norm") ? 1 : shape.length === 0 ? 0.7 : 0;
      return [path, Float32Array.from({ length: size }, () => mean + std * normal())] as const;
    }),
  );
  return (path) => made.get(path)!;
};
