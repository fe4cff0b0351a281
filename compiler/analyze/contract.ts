// Whether an instance has what its slot asks for. Structural: members by name, shapes unified with the instance's sizes.
import type * as ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import type { At } from "./model.ts";
import { size } from "./static.ts";
import type { Instance, Scope } from "./value.ts";

/** Reports every member that is missing or of another form; true when there is none. */
export const conform = (cx: Context, instance: Instance, contract: ast.Contract, at: At): boolean => {
  let ok = true;
  const fail = (member: string, why: string): void => {
    ok = false;
    cx.fail("contract", at, [instance.template.name.text, contract.name.text, member, why]);
  };
  const sizes = new Map<string, number>();
  for (const member of contract.members) {
    if (member.kind !== "size") continue;
    const found = instance.scope.lookup(member.name.text);
    if (found && found !== "cycle" && found.kind === "number") sizes.set(member.name.text, found.value);
    else fail(member.name.text, "it has no such size");
  }
  for (const member of contract.members) {
    if (member.kind === "value") {
      const found = instance.scope.lookup(member.name.text);
      if (!found && !member.optional) fail(member.name.text, `it has no such ${member.type.text}`);
    } else if (member.kind === "layers") {
      const layers = instance.layers;
      if (!layers) fail(member.name.text, "it has no layers");
      const other = layers?.find(({ block }) => !fits(member, block.parameters, sizes));
      if (other) fail(member.name.text, `\`${other.block.path}\` takes rows of another form`);
    } else if (member.kind === "function") {
      const found = instance.functions.get(member.name.text);
      if (!found) {
        if (!member.optional) fail(member.name.text, "it has no such function");
        continue;
      }
      const parameters = found.parameters.map((p) => ({
        name: p.name?.text ?? "",
        optional: p.optional,
        shape: p.shape?.dims.map((dim) => (isOpen(dim, instance.scope) ? -1 : (size(cx, dim, instance.scope) ?? -1))),
      }));
      if (!fits(member, parameters, sizes)) fail(member.name.text, "its parameters are of another form");
    }
  }
  return ok;
};

/** A size that nothing declares takes what it meets. */
const isOpen = (dim: ast.Expr, scope: Scope): boolean => dim.kind === "reference" && !scope.has(dim.name);

type Formal = { readonly name: string; readonly optional: boolean; readonly shape: readonly number[] | undefined };
/** The tower's parameters are those of the contract in order; it may leave out what the contract calls optional. */
const fits = (member: Extract<ast.ContractMember, { kind: "layers" | "function" }>, own: readonly Formal[], sizes: Map<string, number>): boolean => {
  let next = 0;
  for (const asked of member.parameters) {
    const formal = own[next];
    if (formal && (!asked.optional || asked.name?.text === formal.name)) {
      if (!unify(asked.shape, formal.shape, sizes)) return false;
      next++;
    } else if (!asked.optional) return false;
  }
  return own.slice(next).every((rest) => rest.optional);
};
const unify = (asked: ast.Shape | undefined, own: readonly number[] | undefined, sizes: Map<string, number>): boolean => {
  if (!asked || !own) return true;
  if (asked.dims.length !== own.length) return false;
  return asked.dims.every((dim, i) => {
    if (dim.kind !== "reference" || own[i]! < 0) return true;
    const known = sizes.get(dim.name);
    if (known === undefined) sizes.set(dim.name, own[i]!);
    return known === undefined || known === own[i];
  });
};
/** Whether the slot's contract lets a tower ignore an argument of this name (or at this place) of a member. */
export const mayIgnore = (instance: Instance, member: string, argument: string | number): boolean => {
  const asked = instance.contract?.members.find((m) => m.name.text === member);
  if (!asked || (asked.kind !== "layers" && asked.kind !== "function")) return false;
  const parameter = typeof argument === "number" ? asked.parameters[argument] : asked.parameters.find((p) => p.name?.text === argument);
  return parameter?.optional ?? false;
};
