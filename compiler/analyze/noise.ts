// The noise of a modality: its process, the input that says how noisy a span is, and what `clean` means.
import type * as ast from "../../grammar/ast.ts";
import type { Context, Draft, ModelState } from "./context.ts";
import type { At } from "./model.ts";
import { isBroken, once } from "./static.ts";
import { describe, type Scope, type Value } from "./value.ts";

/** `clean`: what the input of the model's one noise process is for a clean span. A DDPM's last step is 0. */
export const cleanValue = (cx: Context, model: ast.Model, scope: Scope, by: At): Value => {
  const statements = model.statements.filter((s) => s.kind === "noise");
  const [only] = statements;
  if (!only) return cx.fail("clean-none", by, []);
  if (statements.length > 1) return cx.fail("clean-several", by, [statements.length]);
  const process = cx.evaluate(only.process, scope);
  if (process.kind !== "process")
    return process.kind === "error" ? process : cx.fail("process-wanted", scope.at(only.process), [describe(process)]);
  return { kind: "number", value: process.process.kind === "flow" ? process.process.clean : 0 };
};

export const noiseStatement = (
  cx: Context,
  state: ModelState,
  draft: Draft,
  statement: ast.NoiseStatement,
  scope: Scope,
): void => {
  const modality = state.modalities.find((m) => m.name === statement.target.text);
  if (!modality && isBroken(cx, scope, statement.target)) return;
  if (!modality || modality.kind !== "span")
    return void cx.fail("noise-target", scope.at(statement.target), [statement.target.text]);
  if (!once(cx, draft, `noise ${modality.name}`, scope.at(statement.target))) return;
  const process = cx.evaluate(statement.process, scope);
  if (process.kind === "error") return;
  if (process.kind !== "process")
    return void cx.fail("process-wanted", scope.at(statement.process), [describe(process)]);
  const inputOf = (name: ast.Name) => {
    const input = state.inputs.find((i) => i.name === name.text);
    if (!input && !isBroken(cx, scope, name)) {
      const near = cx.nearest(
        name.text,
        state.inputs.map((i) => i.name),
      );
      cx.fail("not-an-input", scope.at(name), [name.text, near, modality.name]);
    }
    return input;
  };
  const given = statement.given && {
    input: inputOf(statement.given.input),
    value: cx.evaluate(statement.given.value, scope),
  };
  const drawn = statement.drawn && {
    input: inputOf(statement.drawn.input),
    value: cx.evaluate(statement.drawn.distribution, scope),
  };
  if (given && given.value.kind !== "number")
    return void (
      given.value.kind !== "error" &&
      cx.fail("number-wanted", scope.at(statement.given!.value), [describe(given.value)])
    );
  if (drawn && drawn.value.kind !== "distribution")
    return void (
      drawn.value.kind !== "error" &&
      cx.fail("distribution-wanted", scope.at(statement.drawn!.distribution), [describe(drawn.value)])
    );
  if ((given && !given.input) || (drawn && !drawn.input)) return;
  const after = statement.after?.text ?? "given";
  if (after !== "given" && after !== "last" && after !== "never")
    return void cx.fail("bad-choice", scope.at(statement.after!), ["after", after, ["given", "last", "never"]]);
  const shared = [given?.input, drawn?.input].find((input) => typeof input?.per === "string");
  if (after === "last" && shared)
    return void cx.fail("last-extent", scope.at(statement.after!), [shared.name, modality.name]);
  state.noise.push({
    modality: modality.name,
    process: process.process,
    given: given?.value.kind === "number" ? { input: given.input!, value: given.value.value } : undefined,
    drawn:
      drawn?.value.kind === "distribution"
        ? { input: drawn.input!, distribution: drawn.value.distribution }
        : undefined,
    after,
    at: scope.at(statement.after ?? statement.target),
  });
};
