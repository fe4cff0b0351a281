// Pieces of syntax trees that both texts are made of. Whatever comes from a manifest passes here: as a string literal,
// which the printer escapes, or as a comment, which cannot end early.
import ts from "typescript";

const { factory } = ts;
export const readonlyMark = [factory.createToken(ts.SyntaxKind.ReadonlyKeyword)];
export const exportMark = factory.createToken(ts.SyntaxKind.ExportKeyword);

/** A node under a doc comment; under none where there is nothing to say. */
export const documented = <N extends ts.Node>(node: N, doc: string): N => {
  const lines = doc
    .replaceAll("*/", "*\\/")
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map((line) => line.trim())
    .filter((line, i, all) => line !== "" || (i > 0 && i < all.length - 1));
  if (lines.length === 0) return node;
  const text =
    lines.length === 1 ? `* ${lines[0]} ` : `*\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n `;
  return ts.addSyntheticLeadingComment(node, ts.SyntaxKind.MultiLineCommentTrivia, text, true);
};

/** The name of a member: bare where it may be. A method of the bare name `new` would be a constructor. */
export const memberName = (name: string): ts.PropertyName =>
  /^[A-Za-z]\w*$/.test(name) && name !== "new" ? factory.createIdentifier(name) : factory.createStringLiteral(name);

export const member = (name: string, type: ts.TypeNode, doc = "", optional = false): ts.PropertySignature =>
  documented(
    factory.createPropertySignature(
      readonlyMark,
      memberName(name),
      optional ? factory.createToken(ts.SyntaxKind.QuestionToken) : undefined,
      type,
    ),
    doc,
  );

export const textType = (text: string): ts.TypeNode => factory.createLiteralTypeNode(factory.createStringLiteral(text));
export const numberType = (value: number): ts.TypeNode =>
  factory.createLiteralTypeNode(factory.createNumericLiteral(value));
export const reference = (name: string, ...of: readonly ts.TypeNode[]): ts.TypeReferenceNode =>
  factory.createTypeReferenceNode(name, of.length === 0 ? undefined : of);
/** `Programs["forward(text)"]["inputs"]` */
export const indexed = (name: string, ...keys: readonly string[]): ts.TypeNode =>
  keys.reduce<ts.TypeNode>((type, key) => factory.createIndexedAccessTypeNode(type, textType(key)), reference(name));

export const exportedInterface = (
  name: string,
  members: readonly ts.TypeElement[],
  doc: string,
  above?: string,
  of?: ts.TypeNode,
): ts.Statement =>
  documented(
    factory.createInterfaceDeclaration(
      [exportMark],
      name,
      undefined,
      above === undefined
        ? undefined
        : [
            factory.createHeritageClause(ts.SyntaxKind.ExtendsKeyword, [
              factory.createExpressionWithTypeArguments(factory.createIdentifier(above), of && [of]),
            ]),
          ],
      members,
    ),
    doc,
  );

export const imports = (names: readonly string[], from: string, typeOnly: boolean): ts.Statement =>
  factory.createImportDeclaration(
    undefined,
    factory.createImportClause(
      typeOnly ? ts.SyntaxKind.TypeKeyword : undefined,
      undefined,
      factory.createNamedImports(
        names.map((name) => factory.createImportSpecifier(false, undefined, factory.createIdentifier(name))),
      ),
    ),
    factory.createStringLiteral(from),
  );

const HEAD = "// Made by graftwerk from the manifest beside it, and written anew whenever the model is compiled.\n";

/** Statements as text, with an empty line between them. */
export const printed = (statements: readonly ts.Statement[]): string => {
  const printer = ts.createPrinter({ newLine: ts.NewLineKind.LineFeed });
  const file = factory.createSourceFile([], factory.createToken(ts.SyntaxKind.EndOfFileToken), ts.NodeFlags.None);
  const texts = statements.map((statement) => printer.printNode(ts.EmitHint.Unspecified, statement, file));
  return `${HEAD}${texts.join("\n\n")}\n`;
};
