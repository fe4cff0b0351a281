// Inputs of spans come with the call that appends their rows, once.
import type { Values } from "./document.ts";
import { Failure } from "./failure.ts";
import type { Course, Layout } from "./order.ts";

/** Inputs of more spans than have rows: those of one were given twice, and all that follow would be another's. */
export const checkSpansGiven = (
  { modalities }: Layout,
  spans: Readonly<Record<string, readonly Values[]>>,
  course: Course,
  d: number,
): void => {
  for (const [name, values] of Object.entries(spans)) {
    const modality = modalities.find((each) => each.name === name);
    if (modality?.is !== "span") throw new Failure("call", `inputs of spans of ${name} were given, which is none`);
    // Spans come one after the other, so the last row is of the last one.
    const count = 1 + (course.spans.get(name)?.span ?? -1);
    if (values.length > count)
      throw new Failure(
        "call",
        `inputs of ${values.length} spans of ${name} were given for document ${d}, which has rows of ${count}`,
        "give the inputs of a span once, with the call that appends its rows; a drawing gives them with each step",
      );
  }
};
