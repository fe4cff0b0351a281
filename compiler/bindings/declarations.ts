// `model.d.mts`: what a model's programs, rows and phases are, as types that read as its documentation.
import ts from "typescript";
import type { Manifest, Port, ProgramEntry } from "../../runtime/manifest.ts";
import { type Facts, factsOf, type Notes, type Ports, type Program, type Value } from "./facts.ts";
import { methodsOf } from "./methods.ts";
import { namesType } from "./nameSet.ts";
import {
  documented,
  exportedInterface,
  exportMark,
  imports,
  indexed,
  member,
  memberName,
  numberType,
  printed,
  reference,
  textType,
} from "./syntax.ts";

const { factory } = ts;
const KEYWORDS = { string: ts.SyntaxKind.StringKeyword, number: ts.SyntaxKind.NumberKeyword } as const;
const keyword = (name: keyof typeof KEYWORDS): ts.TypeNode => factory.createKeywordTypeNode(KEYWORDS[name]);

/** The interfaces that `Types` gathers, and what they say. */
const GATHERED = {
  programs: "Programs",
  rows: "Rows",
  spans: "Spans",
  inputs: "Inputs",
  phases: "Phases",
} as const;

export const declarationsOf = (manifest: Manifest, notes: Notes): string => {
  const facts = factsOf(manifest, notes);
  const methods = methodsOf(manifest.programs.map(({ name }) => name));
  const caching = facts.programs.some(({ inputs, outputs }) => inputs.caches.length + outputs.caches.length > 0);
  return printed([
    imports(
      [
        ...(caching ? ["CacheInputs", "CacheOutputs"] : []),
        "ProgramOptions",
        "ShapedTensor",
        "TypedDocument",
        "TypedPart",
        "TypedRow",
        "TypedSession",
      ],
      "graftwerk/runtime",
      true,
    ),
    modelOf(manifest, notes, methods),
    opening(),
    programsOf(facts),
    ...(manifest.caches.length === 0 ? [] : [cachesOf(manifest)]),
    ...rowsOf(facts),
    phasesOf(manifest),
    ...aliases(manifest, facts),
  ]);
};

// ── The model and its methods ──────────────────────────────────────────────────────────────────
const phaseDocs: Readonly<Record<ProgramEntry["phase"], (rows: string) => string>> = {
  forward: (rows) => `whole documents with rows of ${rows}`,
  prefill: (rows) => `rows of ${rows} behind what is there, kept for later calls; gives no head`,
  decode: (rows) => `rows of ${rows} behind what is there, kept for later calls`,
  read: (rows) => `rows of ${rows} of spans as they are, kept for later calls`,
  denoise: (rows) => `rows of ${rows} of spans with noise; nothing is kept`,
  last: (rows) => `rows of ${rows} of spans at the last step of their drawing, kept for later calls`,
  draft: (rows) => `rows of ${rows} of spans that were drawn and that later rows do not see; gives nothing`,
};

const modelOf = ({ model, programs }: Manifest, notes: Notes, methods: readonly string[]): ts.Statement =>
  exportedInterface(
    "Model",
    programs.map(({ name, phase, streams }, i) => {
      const rows = streams.flatMap(({ kinds }) => kinds).join(", ");
      return methodOf(methods[i]!, name, `\`${name}\`: ${phaseDocs[phase](rows)}.`);
    }),
    notes.model === "" ? `The model ${model}.` : notes.model,
    "TypedSession",
    reference("Types"),
  );

const parameter = (name: string, type: ts.TypeNode, optional = false): ts.ParameterDeclaration =>
  factory.createParameterDeclaration(
    undefined,
    undefined,
    name,
    optional ? factory.createToken(ts.SyntaxKind.QuestionToken) : undefined,
    type,
  );

const methodOf = (name: string, program: string, doc: string): ts.TypeElement =>
  documented(
    factory.createMethodSignature(
      undefined,
      memberName(name),
      undefined,
      undefined,
      [parameter("inputs", indexed("Programs", program, "inputs"))],
      reference("Promise", indexed("Programs", program, "outputs")),
    ),
    doc,
  );

const opening = (): ts.Statement =>
  documented(
    factory.createVariableStatement(
      [exportMark, factory.createToken(ts.SyntaxKind.DeclareKeyword)],
      factory.createVariableDeclarationList(
        [
          factory.createVariableDeclaration(
            "open",
            undefined,
            factory.createFunctionTypeNode(
              undefined,
              [parameter("options", reference("ProgramOptions"), true)],
              reference("Promise", reference("Model")),
            ),
          ),
        ],
        ts.NodeFlags.Const,
      ),
    ),
    'Opens the model in the folder of this module; programs are loaded when first called. @throws Failure "file"',
  );

// ── Programs ───────────────────────────────────────────────────────────────────────────────────
const programsOf = ({ programs }: Facts): ts.Statement =>
  exportedInterface("Programs", programs.map(programOf), "Every program by its name: what it takes and gives.");

const programOf = ({ entry, kinds, heads, inputs, outputs }: Program): ts.TypeElement =>
  member(
    entry.name,
    factory.createTypeLiteralNode([
      member("inputs", portsType(inputs, "CacheInputs")),
      member("outputs", portsType(outputs, "CacheOutputs")),
      member("kinds", namesType(kinds)),
      member("heads", namesType(heads)),
    ]),
  );

const portsType = ({ caches, others }: Ports, ofCaches: string): ts.TypeNode => {
  const plain = factory.createTypeLiteralNode(others.map(portMember));
  if (caches.length === 0) return plain;
  const cached = reference(ofCaches, reference("Caches"), namesType(caches));
  return others.length === 0 ? cached : factory.createIntersectionTypeNode([plain, cached]);
};
const portMember = ({ name, dtype, shape, doc }: Port): ts.TypeElement =>
  member(name, reference("ShapedTensor", textType(dtype), shapeType(shape)), doc);

const shapeType = (shape: Port["shape"]): ts.TypeNode => {
  const sizes = shape.map((size) => (typeof size === "number" ? numberType(size) : textType(size)));
  const tuple = ts.setEmitFlags(factory.createTupleTypeNode(sizes), ts.EmitFlags.SingleLine);
  return factory.createTypeOperatorNode(ts.SyntaxKind.ReadonlyKeyword, tuple);
};

const cachesOf = ({ caches }: Manifest): ts.Statement =>
  exportedInterface(
    "Caches",
    caches.map(({ name, stream, kvHeads, widths }) => {
      const parts = [
        member("stream", textType(stream)),
        ...Object.entries({ kvHeads, ...widths }).map(([key, size]) => member(key, numberType(size))),
      ];
      return member(name, ts.setEmitFlags(factory.createTypeLiteralNode(parts), ts.EmitFlags.SingleLine));
    }),
    "Keys and values of past rows of a stream, in heads of `k` and `v` numbers. `append` keeps them in its context.",
  );

// ── Rows, spans, documents ─────────────────────────────────────────────────────────────────────
const valueTypes: Readonly<Record<Value["type"], () => ts.TypeNode>> = {
  number: () => keyword("number"),
  numbers: () => reference("Float32Array"),
  either: () => factory.createUnionTypeNode([keyword("number"), reference("Float32Array")]),
};
const valueMember = ({ name, type, doc }: Value): ts.TypeElement =>
  member(name, valueTypes[type](), doc, type === "either");

const rowsOf = ({ kinds, spans, inputs }: Facts): ts.Statement[] => [
  exportedInterface(
    "Rows",
    kinds.map(({ name, doc, values }) => member(name, factory.createTypeLiteralNode(values.map(valueMember)), doc)),
    "The kinds of rows, and the numbers that a row of each has.",
  ),
  exportedInterface(
    "Spans",
    spans.map(({ modality, doc, inputs: given }) =>
      member(modality, factory.createTypeLiteralNode(given.map(valueMember)), doc),
    ),
    "The inputs of one span of each modality that has spans.",
  ),
  exportedInterface("Inputs", inputs.map(valueMember), "The inputs of a document."),
];

const phasesOf = ({ programs }: Manifest): ts.Statement => {
  const phases = [...new Set(programs.map(({ phase }) => phase))];
  return exportedInterface(
    "Phases",
    phases.map((phase) =>
      member(phase, namesType(programs.filter((program) => program.phase === phase).map(({ name }) => name))),
    ),
    "The programs of each phase. `forward` takes whole documents, the others are for `append`.",
  );
};

const aliases = ({ modalities }: Manifest, { kinds }: Facts): ts.Statement[] => {
  const types = reference("Types");
  const alias = (name: string, type: ts.TypeNode, doc: string, of?: readonly [string, ts.TypeNode]): ts.Statement => {
    const parameters = of && [factory.createTypeParameterDeclaration(undefined, of[0], of[1], of[1])];
    return documented(factory.createTypeAliasDeclaration([exportMark], name, parameters, type), doc);
  };
  const keys = (name: string): ts.TypeNode =>
    factory.createTypeOperatorNode(ts.SyntaxKind.KeyOfKeyword, reference(name));
  return [
    exportedInterface(
      "Types",
      Object.entries(GATHERED).map(([key, name]) => member(key, reference(name))),
      "All of this, for functions that take any model.",
    ),
    alias("Kind", namesType(kinds.map(({ name }) => name)), "What sort of row."),
    alias("Modality", namesType(modalities.map(({ name }) => name)), "What a document is made of: tokens, or spans."),
    alias("Row", reference("TypedRow", types, reference("K")), "A row of a document.", ["K", reference("Kind")]),
    alias("Document", reference("TypedDocument", types), "A whole document, for `forward`."),
    alias("Part", reference("TypedPart", types, reference("P")), "New rows of a document, for `append`.", [
      "P",
      keys("Phases"),
    ]),
  ];
};
