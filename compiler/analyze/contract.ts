// Whether an instance has what its slot asks for. Structural: members by name, shapes unified with the instance's sizes.
import type * as ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import type { At } from "./model.ts";
import { size, textOf } from "./static.ts";
import type { Instance, Scope } from "./value.ts";

/** Reports the members that are missing or of another form, at the place of the argument; true when there are none. */
export const conform = (
  cx: Context,
  instance: Instance,
  { contract, scope }: { readonly contract: ast.Contract; readonly scope: Scope },
  at: At,
): boolean => {
  const sizes = new Map<string, number>();
  for (const { name, kind } of contract.members) {
    const found = kind === "size" ? instance.scope.lookup(name.text) : undefined;
    if (found && found !== "cycle" && found.kind === "number") sizes.set(name.text, found.value);
  }
  const isError = (name: string): boolean => {
    const found = instance.scope.lookup(name);
    return found !== undefined && found !== "cycle" && found.kind === "error";
  };
  if (contract.members.some(({ name }) => isError(name.text))) return ((cx.failed = true), false);
  const lacking = contract.members.filter((member) => lacks(instance, member, sizes));
  const template = instance.template.name.text;
  const declared = (member: ast.ContractMember) => ({
    ...scope.at(member),
    text: `asked by \`${contract.name.text}\``,
  });
  if (lacking.length) {
    cx.fail(
      "contract-lacks",
      at,
      [template, contract.name.text, lacking.map(signatureOf)],
      ...lacking.slice(0, 3).map(declared),
    );
    return false;
  }
  const other = contract.members.find((member) => !hasForm(cx, instance, member, sizes));
  if (other) {
    const own = instance.functions.get(other.name.text);
    const note = own ? [{ ...instance.scope.at(own.name), text: "declared here" }] : [];
    cx.fail("contract-form", at, [template, contract.name.text, signatureOf(other)], ...note);
  }
  return !other;
};
const lacks = (instance: Instance, member: ast.ContractMember, sizes: ReadonlyMap<string, number>): boolean => {
  switch (member.kind) {
    case "size":
      return !sizes.has(member.name.text);
    case "layers":
      return !instance.layers;
    case "value":
      return !member.optional && !instance.scope.has(member.name.text);
    case "function":
      return !member.optional && !instance.functions.has(member.name.text);
    default:
      return member satisfies never;
  }
};
const hasForm = (cx: Context, instance: Instance, member: ast.ContractMember, sizes: Map<string, number>): boolean => {
  if (member.kind === "layers")
    return (instance.layers ?? []).every(({ block }) => fits(member, block.parameters, sizes));
  const found = member.kind === "function" ? instance.functions.get(member.name.text) : undefined;
  if (member.kind !== "function" || !found) return true;
  const parameters = found.parameters.map((p) => ({
    name: p.name?.text ?? "",
    optional: p.optional,
    shape: p.shape?.dims.map((dim) => (isOpen(dim, instance.scope) ? -1 : (size(cx, dim, instance.scope) ?? -1))),
  }));
  return fits(member, parameters, sizes);
};

/** A member as the contract writes it. */
const signatureOf = (member: ast.ContractMember): string => {
  const name = member.name.text;
  if (member.kind === "size") return name;
  if (member.kind === "value") return `${name}: ${member.type.text}`;
  const shape = (of: ast.Shape): string => `[${of.dims.map(textOf).join(", ")}]`;
  const formals = member.parameters.map(({ name: formal, optional, shape: of }) =>
    [formal && `${formal.text}${optional ? "?" : ""}`, of && shape(of)].filter(Boolean).join(": "),
  );
  const head = member.kind === "layers" ? `${name}: ` : name;
  return `${head}(${formals.join(", ")}) -> ${member.results.map(shape).join(", ")}`;
};

/** A size that nothing declares takes what it meets. */
const isOpen = (dim: ast.Expr, scope: Scope): boolean => dim.kind === "reference" && !scope.has(dim.name);

type Formal = { readonly name: string; readonly optional: boolean; readonly shape: readonly number[] | undefined };
/** The tower's parameters are those of the contract in order; it may leave out what the contract calls optional. */
const fits = (
  member: Extract<ast.ContractMember, { kind: "layers" | "function" }>,
  own: readonly Formal[],
  sizes: Map<string, number>,
): boolean => {
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
const unify = (
  asked: ast.Shape | undefined,
  own: readonly number[] | undefined,
  sizes: Map<string, number>,
): boolean => {
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
  const parameter =
    typeof argument === "number" ? asked.parameters[argument] : asked.parameters.find((p) => p.name?.text === argument);
  return parameter?.optional ?? false;
};
