// The oracle: a slow, obvious evaluator in f64 of the analysed model, unpruned and unfused, row by row in document
// order. It judges every target, rewrite and phase, so it shares nothing with them but the types of the model.
export { evaluate } from "./evaluate.ts";
export type { HeadRows, Options, Result, Rows, StepRows } from "./evaluate.ts";
export type { Losses, Target, Targets } from "./loss.ts";
export type { Event } from "./observe.ts";
export type { Numbers } from "./dense.ts";
