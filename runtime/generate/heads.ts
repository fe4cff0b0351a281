// What a call gave of one head: the rows of a document by place, whichever stream has them.
import { Failure } from "../failure.ts";
import type { Result } from "../phases.ts";

/** @throws Failure "file" where the program has no such head, or gives nothing at a place that is asked for */
export const headRows = (result: Result, what: string, document: number): ((place: number) => Float32Array) => {
  const rows = new Map<number, Float32Array>();
  for (const output of Object.keys(result.tensors))
    if (output.endsWith(`.${what}`)) for (const [place, row] of result.rows(output, document)) rows.set(place, row);
  return (place) => {
    const found = rows.get(place);
    if (found !== undefined) return found;
    throw new Failure(
      "file",
      `${result.program}: gives no ${what} of the row at place ${place}`,
      "compile the model again",
    );
  };
};
