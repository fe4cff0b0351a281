// What an image is pushed away from when it is drawn: the same image in another document, as a guide says.
import type * as ast from "../../grammar/ast.ts";
import { nearest } from "../../grammar/nearest.ts";
import type { Context, Draft, ModelState } from "./context.ts";
import type { Guide } from "./model.ts";
import { once } from "./static.ts";
import { describe, type Scope } from "./value.ts";

/** `guide text = without(text before image)`, `guide text = hide(text before image)`, `guide label = replace(label: 10)` */
export const guideStatement = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.GuideStatement,
  scope: Scope,
): void => {
  if (!once(cx, draft, `guide ${statement.name.text}`, scope.at(statement))) return;
  const { value } = statement;
  const callee = value.kind === "call" && value.callee.kind === "reference" ? value.callee.name : undefined;
  const [only, ...more] = value.kind === "call" ? value.arguments : [];
  if ((callee !== "without" && callee !== "hide" && callee !== "replace") || only === undefined || more.length > 0)
    return void cx.fail("guide-form", scope.at(value), []);
  const how = callee === "replace" ? replace(cx, state, only, scope) : before(cx, state, callee, only, scope);
  if (how !== undefined) draft.guides.push({ name: statement.name.text, at: scope.at(value), how });
};

const before = (
  cx: Context,
  state: ModelState,
  kind: "without" | "hide",
  { label, value }: ast.Argument,
  scope: Scope,
): Guide["how"] | undefined => {
  const sides = value.kind === "infix" && value.op === "before" ? [value.left, value.right] : [];
  const [what, whom] = sides;
  if (label !== undefined || what?.kind !== "reference" || whom?.kind !== "reference")
    return void cx.fail("guide-form", scope.at(value), []);
  const names = state.modalities.map(({ name }) => name);
  for (const { name, span } of [what, whom])
    if (!names.includes(name)) return void cx.fail("session-term", scope.at({ span }), [name, nearest(name, names)]);
  const tokens = state.modalities.find(({ name }) => name === what.name)!;
  const drawn = state.modalities.find(({ name }) => name === whom.name)!;
  if (tokens.kind !== "tokens" || drawn.kind !== "span") return void cx.fail("guide-form", scope.at(value), []);
  return { kind, modality: tokens.name, before: drawn.name };
};

const replace = (
  cx: Context,
  state: ModelState,
  { label, value }: ast.Argument,
  scope: Scope,
): Guide["how"] | undefined => {
  if (label === undefined) return void cx.fail("guide-form", scope.at(value), []);
  const input = state.inputs.find(({ name }) => name === label.text);
  if (input === undefined) {
    const near = cx.nearest(
      label.text,
      state.inputs.map(({ name }) => name),
    );
    return void cx.fail("not-an-input", scope.at(label), [label.text, near, "document"]);
  }
  const given = cx.evaluate(value, scope);
  if (given.kind === "number") return { kind: "replace", input, value: given.value };
  return given.kind === "error" ? undefined : void cx.fail("number-wanted", scope.at(value), [describe(given)]);
};
