// `model.mjs`: opens the folder it lies in, and gives the session a method for each program.
import ts from "typescript";
import type { Manifest } from "../../runtime/manifest.ts";
import { methodsOf } from "./methods.ts";
import { exportMark, imports, memberName, printed } from "./syntax.ts";

const { factory } = ts;

const call = (name: string, ...given: readonly ts.Expression[]): ts.Expression =>
  factory.createCallExpression(factory.createIdentifier(name), undefined, given);
const dot = (object: ts.Expression, name: string): ts.Expression =>
  factory.createPropertyAccessExpression(object, name);

/** `fileURLToPath(new URL(".", import.meta.url))` */
const ownFolder = (): ts.Expression => {
  const meta = factory.createMetaProperty(ts.SyntaxKind.ImportKeyword, factory.createIdentifier("meta"));
  const url = factory.createNewExpression(factory.createIdentifier("URL"), undefined, [
    factory.createStringLiteral("."),
    dot(meta, "url"),
  ]);
  return call("fileURLToPath", url);
};

export const moduleOf = ({ programs }: Manifest): string => {
  const methods = methodsOf(programs.map(({ name }) => name));
  const session = factory.createIdentifier("session");
  const inputs = factory.createIdentifier("inputs");
  const parameter = (name: string): ts.ParameterDeclaration =>
    factory.createParameterDeclaration(undefined, undefined, name);
  const arrow = (name: string, body: ts.ConciseBody, modifiers?: readonly ts.Modifier[]): ts.Expression =>
    factory.createArrowFunction(modifiers, undefined, [parameter(name)], undefined, undefined, body);
  const constant = (name: string, value: ts.Expression, modifiers?: readonly ts.Modifier[]): ts.Statement =>
    factory.createVariableStatement(
      modifiers,
      factory.createVariableDeclarationList(
        [factory.createVariableDeclaration(name, undefined, undefined, value)],
        ts.NodeFlags.Const,
      ),
    );
  const model = factory.createObjectLiteralExpression(
    [
      factory.createSpreadAssignment(session),
      ...programs.map(({ name }, i) => {
        const run = factory.createCallExpression(dot(session, "run"), undefined, [
          factory.createStringLiteral(name),
          inputs,
        ]);
        return factory.createPropertyAssignment(memberName(methods[i]!), arrow("inputs", run));
      }),
    ],
    true,
  );
  const body = factory.createBlock(
    [
      constant(
        "session",
        factory.createAwaitExpression(call("openSession", ownFolder(), factory.createIdentifier("options"))),
      ),
      factory.createReturnStatement(model),
    ],
    true,
  );
  return printed([
    imports(["fileURLToPath"], "node:url", false),
    imports(["openSession"], "graftwerk/runtime", false),
    constant("open", arrow("options", body, [factory.createToken(ts.SyntaxKind.AsyncKeyword)]), [exportMark]),
  ]);
};
