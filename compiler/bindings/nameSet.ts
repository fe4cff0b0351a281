// A set of names as a type. Caches of layers that are alike differ in one number: they are one template,
// `language.layers[${0 | 1 | 2}]/text`, where one by one they would fill a page.
import ts from "typescript";
import { numberType, textType } from "./syntax.ts";

const { factory } = ts;

interface Group {
  readonly before: string;
  readonly after: string;
  readonly numbers: number[];
}

/** `"a" | "b"`; `never` of none. */
export const namesType = (names: readonly string[]): ts.TypeNode => {
  const types: (string | Group)[] = [];
  const groups = new Map<string, Group>();
  for (const name of new Set(names)) {
    // A number as it is printed, so that the template stands for these names and no others.
    const [, before, digits, after] = /^([\w./[\]-]*?\[)(0|[1-9]\d{0,8})(\][\w./[\]-]*)$/.exec(name) ?? [];
    if (before === undefined || after === undefined) {
      types.push(name);
      continue;
    }
    const key = `${before}*${after}`;
    const group = groups.get(key) ?? { before, after, numbers: [] };
    if (!groups.has(key)) types.push(group);
    groups.set(key, group);
    group.numbers.push(Number(digits));
  }
  const nodes = types.map((each) => (typeof each === "string" ? textType(each) : templateType(each)));
  if (nodes.length === 0) return factory.createKeywordTypeNode(ts.SyntaxKind.NeverKeyword);
  return nodes.length === 1 ? nodes[0]! : factory.createUnionTypeNode(nodes);
};

const templateType = ({ before, after, numbers }: Group): ts.TypeNode => {
  const sorted = [...numbers].sort((a, b) => a - b);
  if (sorted.length === 1) return textType(`${before}${sorted[0]}${after}`);
  return factory.createTemplateLiteralType(factory.createTemplateHead(before), [
    factory.createTemplateLiteralTypeSpan(
      factory.createUnionTypeNode(sorted.map(numberType)),
      factory.createTemplateTail(after),
    ),
  ]);
};
