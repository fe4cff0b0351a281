// Where tensors lie that are not in the graph file. Apart from `proto.ts`, so that the compiler's declarations name no
// package.
import type { DType } from "../../ir/vocabulary.ts";

/** Where a tensor lies beside the graph file. */
export interface Place {
  /** a file name, without folders */
  readonly location: string;
  /** in bytes */
  readonly offset: number;
  readonly length: number;
}
/** Where a weight's numbers lie, and in which element type. */
export interface WeightPlace extends Place {
  readonly dtype: DType;
}
