// An ONNX model as text, for people and for goldens: one line an input, an initializer, a node, an output.
import {
  type AttributeMessage,
  decodeModel,
  type Element,
  elementType,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto.ts";

/** Everything in the model but documentation and the types of intermediate values that are said by their node. */
export const printModel = (bytes: Uint8Array): string => {
  const model = decodeModel(bytes);
  const graph = model.graph ?? {};
  const types = new Map([...(graph.valueInfo ?? []), ...(graph.output ?? [])].map((v) => [v.name!, typeText(v)]));
  const opsets = (model.opsetImport ?? []).map((o) => `${o.domain || "ai.onnx"} ${o.version}`).join(", ");
  return [
    `model ${graph.name} ir ${model.irVersion} opset ${opsets} by ${model.producerName}`,
    ...(graph.input ?? []).map((v) => `input ${v.name} : ${typeText(v)}`),
    ...(graph.initializer ?? []).map(initializer),
    ...(graph.node ?? []).map((n) => node(n, types)),
    ...(graph.output ?? []).map((v) => `output ${v.name} : ${typeText(v)}`),
  ].join("\n");
};

const elementName = new Map(Object.entries(elementType).map(([name, number]) => [number, name as Element]));
const quoted = (name: string | null | undefined): string => (name ? `"${name}"` : "-");

const typeText = (v: ValueInfoProto): string => {
  const tensor = v.type?.tensorType;
  const dims = (tensor?.shape?.dim ?? []).map((d) => d.dimParam || String(d.dimValue));
  return `${elementName.get(tensor?.elemType ?? 0)}[${dims.join(", ")}]`;
};
const initializer = (t: TensorProto): string => {
  const entry = (key: string): string | undefined | null => t.externalData?.find((e) => e.key === key)?.value;
  const place = t.dataLocation === 1 ? ` @ ${entry("location")} ${entry("offset")}+${entry("length")}` : "";
  return `constant ${quoted(t.name)} : ${elementName.get(t.dataType ?? 0)}[${(t.dims ?? []).join(", ")}]${place}`;
};
const node = (n: NodeProto, types: ReadonlyMap<string, string>): string => {
  const attributes = (n.attribute ?? []).map((a) => `${a.name}: ${value(a)}`).join(", ");
  const from = n.docString ? `  # ${n.docString}` : "";
  const call = `${n.opType}(${(n.input ?? []).map(quoted).join(", ")})${attributes && ` {${attributes}}`}`;
  const output = n.output?.[0] ?? "";
  return `${quoted(output)} = ${call} : ${types.get(output)}${from}`;
};
const value = (a: AttributeMessage): string => {
  switch (a.type) {
    case 1:
      return String(a.f);
    case 2:
      return String(a.i);
    case 3:
      return new TextDecoder().decode(a.s ?? new Uint8Array());
    default:
      return `[${(a.ints ?? []).join(", ")}]`;
  }
};
