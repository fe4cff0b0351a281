// From a manifest to a module that opens the model, and the types of that module. Loads typescript, which takes as
// long as a small model takes to compile: whoever compiles loads this in a thread of its own.
import type { Manifest } from "../../runtime/manifest.ts";
import { declarationsOf } from "./declarations.ts";
import type { Notes } from "./facts.ts";
import { moduleOf } from "./module.ts";

export type { Notes } from "./facts.ts";

export interface Bindings {
  /** a module of JavaScript */
  readonly module: string;
  /** its types */
  readonly declarations: string;
}

/** The same manifest gives the same texts. */
export const bindings = (manifest: Manifest, notes: Notes): Bindings => ({
  module: moduleOf(manifest),
  declarations: declarationsOf(manifest, notes),
});
