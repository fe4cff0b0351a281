// What lowering gives and a target takes: the programs of one model over one set of weights.
import type { Node } from "./node.ts";
import type { Type } from "./vocabulary.ts";

export interface Port {
  readonly name: string;
  readonly type: Type;
  /** one line for people: what a number of it is */
  readonly doc: string;
}
export interface Output {
  readonly name: string;
  readonly node: Node;
  readonly doc: string;
}
export interface Program {
  /** `forward(text, image)` */
  readonly name: string;
  readonly doc: string;
  /** in the order of the call interface (DESIGN section 4) */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Output[];
}
/** A weight: its path, its shape, its place in the specification. Its values are no part of a module. */
export interface Param {
  readonly name: string;
  readonly type: Type;
  readonly doc: string;
}
export interface Module {
  readonly name: string;
  readonly doc: string;
  readonly params: readonly Param[];
  readonly programs: readonly Program[];
}
