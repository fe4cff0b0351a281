// Lengths of rows at the edges of the kernels' tiles, and their names.
import { sym } from "../../../compiler/ir/dim.ts";

export const B = sym("batch");
export const T = sym("text");
export const P = sym("image.patch");

/** 1, 2, 7, 8, 9 and 65 rows: one, a few, and around what an invocation and a workgroup compute */
export const rows = [
  { batch: 1, text: 1 },
  { batch: 2, text: 1 },
  { batch: 1, text: 7 },
  { batch: 2, text: 4 },
  { batch: 3, text: 3 },
  { batch: 5, text: 13 },
];
export const few = [rows[0]!, rows[4]!, rows[5]!];
/** rows of two streams */
export const pairs = [
  { batch: 1, text: 1, "image.patch": 1 },
  { batch: 2, text: 3, "image.patch": 5 },
  { batch: 3, text: 17, "image.patch": 2 },
];
