// The table of faults that a verification must find: each breaks one thing in every model that has it.
import type { Mutation } from "./edit.ts";
import { attention, masking, positions } from "./mutations/attention.ts";
import { conditions, entering } from "./mutations/inputs.ts";
import { functions, joining } from "./mutations/towers.ts";

export const mutations: readonly Mutation[] = [
  ...joining,
  ...masking,
  ...positions,
  ...attention,
  ...functions,
  ...conditions,
  ...entering,
];
