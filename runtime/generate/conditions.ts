// What a model asks of each call, document and span beyond rows: given by name, and how noisy a span is, which generation
// knows itself.
import type { Part } from "../context.ts";
import type { Values } from "../document.ts";
import { Failure } from "../failure.ts";
import type { Condition, Manifest, ProgramEntry } from "../manifest.ts";
import { programFor } from "../phases.ts";
import { isStep, type Phase } from "./events.ts";
import type { Span } from "./rows.ts";

/** How noisy what is drawn is, and the condition that says so. */
export interface Noisy {
  readonly input: string;
  readonly t: number;
}

/** What the program reads of the call and the document. @throws Failure "call" where one was not given */
const documentInputs = (
  { conditions }: Manifest,
  { inputs }: Pick<ProgramEntry, "inputs">,
  given: Values,
  noisy: Noisy | undefined,
): Values =>
  valuesOf(
    conditions.filter(({ name, per }) => isOfDocument(per) && inputs.some((port) => port.name === name)),
    given,
    noisy,
  );
const isOfDocument = (per: string): boolean => per === "call" || per === "document";

/** Parts of a call with what their program reads of the call and of documents; `noisy` where a document is drawn. */
export const withInputs = (
  manifest: Manifest,
  phase: Phase,
  parts: readonly Part[],
  given: Values,
  noisy: (document: number) => Noisy | undefined,
): readonly Part[] => {
  const rows = parts.flatMap((part) => part.rows);
  const program = programFor(manifest, phase, rows);
  return parts.map((part, d) => ({
    ...part,
    inputs: documentInputs(manifest, program, given, isStep(phase) ? noisy(d) : undefined),
  }));
};

/** The conditions of a span, how noisy it is among them; `noisy` where it is drawn. @throws Failure "call" */
export const spanInputs = ({ conditions }: Manifest, span: Span, given: Values, noisy: Noisy | undefined): Values =>
  valuesOf(
    conditions.filter(({ per }) => per === span.name),
    given,
    noisy,
  );

const valuesOf = (own: readonly Condition[], given: Values, noisy: Noisy | undefined): Values =>
  Object.fromEntries(
    own.map(({ name, per, clean }) => {
      const value = given[name] ?? (noisy?.input === name ? noisy.t : clean);
      if (value !== null) return [name, value];
      throw new Failure("call", `the model asks for \`${name}\` of each ${per}`, `give --input ${name}=VALUE`);
    }),
  );
