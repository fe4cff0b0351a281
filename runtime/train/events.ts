// What training tells while it goes on.
import type { Tensor } from "../tensor.ts";

/** What documents cost: the sum of all terms with their factors, and each by itself. */
export interface Cost {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
}
export interface StepEvent extends Cost {
  readonly is: "step";
  /** from 1 */
  readonly step: number;
  /** of all gradients together, before it is limited */
  readonly norm: number;
  readonly rate: number;
  readonly ms: number;
  /** the share of the rows computed that were none */
  readonly padded: number;
}
export interface ValidationEvent extends Cost {
  readonly is: "validation";
  readonly step: number;
}
export type TrainEvent =
  | {
      readonly is: "start";
      /** steps done before, and to be done in all */
      readonly step: number;
      readonly steps: number;
      /** null: as many as come */
      readonly samples: number | null;
      /** weights that are trained, and numbers in them */
      readonly weights: number;
      readonly parameters: number;
    }
  | StepEvent
  | ValidationEvent
  | { readonly is: "checkpoint"; readonly step: number; readonly path: string }
  | {
      readonly is: "end";
      readonly step: number;
      /** `samples`: no more came */
      readonly why: "steps" | "samples";
      /** by path, as they are now */
      readonly weights: ReadonlyMap<string, Tensor>;
      readonly average: ReadonlyMap<string, Tensor>;
    };
