// What every emitter of the ONNX target is given, and what an emitter is.
import type { Param } from "../../ir/module.ts";
import type { NodeOf } from "../../ir/node.ts";
import type { Op } from "../../ir/vocabulary.ts";
import type { Profile } from "./profile.ts";
import type { Shapes } from "./shape.ts";
import type { Sheet, Value } from "./sheet.ts";

export interface Context {
  readonly sheet: Sheet;
  readonly shapes: Shapes;
  readonly profile: Profile;
  readonly inputs: ReadonlyMap<string, Value>;
  readonly params: ReadonlyMap<string, Param>;
  weight(param: Param): Value;
}
/** Writes node `n` over the values of its sources. */
export type Emit<K extends Op> = (to: Context, n: NodeOf<K>, src: readonly Value[]) => Value;
