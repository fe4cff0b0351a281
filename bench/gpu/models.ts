// Whole steps of models: a prompt read, a token decoded, an image denoised, behind rows that are cached.
import { at, type Binding } from "../../compiler/ir/dim.ts";
import type { PhaseProgram, Port } from "../../compiler/ir/module.ts";
import { programs } from "../../compiler/index.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { specify } from "../../test/reference/run.ts";
import { numbers, type Row } from "./rows.ts";

const SPECIFICATION = `import { Language, Painter } from "std/contracts"
import { Llama, PlainRope } from "std/llama"
import { Copied } from "std/copied"

tower Middle = Llama(L: 4, D: 256, heads: 4, kv_heads: 2, hidden: 704, vocab: 512, rope: PlainRope())

model Dual(language: Language = Middle, vision: Painter = Copied(language, patch: 16)) {
  modality text = tokens(vocab: language.vocab, add: ["<boi>", "<eoi>"])
  modality image = span { open: text "<boi>", patch: grid(8, 8, of: vision.patch), close: text "<eoi>" }
  group und = text, image.open, image.close
  input t: number per image
  let c = select { und: vision.condition(clean), image.patch: vision.condition(t) }
  freeze language.**
  train vision.**, text.added
  embed text(id) = language.enter(id)
  embed image.patch(z) = vision.enter(z, c)
  layers fuse l in language.layers, v in vision.layers {
    h = select { und: l(h), image.patch: v(h, c: c) }
  }
  mask = causal or within(image.patch)
  position = running
  noise image = vision.noise { given: t = clean  drawn: t ~ logit_normal(0, 1)  after: given }
  head text = next_token(language.logits(h))
  head image = denoise(vision.leave(h, c: c))
}
`;

/** Every row there, in order, the past before the new ones. */
const tensorOf = ({ name, type }: Port, sizes: Binding): Tensor => {
  const shape = type.shape.map((dim) => at(dim, sizes));
  const count = shape.reduce((a, b) => a * b, 1);
  if (type.dtype !== "i32") return { dtype: "f32", shape, data: numbers(count, 0.5) };
  const past = name.startsWith("past.") ? 0 : sizes["past.text"]!;
  const value = (i: number): number => {
    if (name.endsWith(".order") || name.endsWith(".position")) return past + i;
    if (name.endsWith(".id")) return i % 256;
    return name.endsWith(".row") ? Math.floor(i / 8) : name.endsWith(".col") ? i % 8 : 0;
  };
  return { dtype: "i32", shape, data: Int32Array.from({ length: count }, (_, i) => value(i)) };
};

const steps: readonly (readonly [name: string, program: string, sizes: Binding])[] = [
  ["prefill of 128 rows", "prefill(text)", { text: 128 }],
  ["decode of a token behind 256 rows", "decode(text)", { text: 1 }],
  ["denoise of 64 patches behind 256 rows", "denoise(image)", { "image.patch": 64 }],
];

export const modelRows = (): readonly Row[] => {
  const { model, sources } = specify(SPECIFICATION, "Dual");
  const module = programs(model, sources);
  return steps.map(([name, program, own]) => {
    const found = module.programs.find((each) => each.name === program) as PhaseProgram;
    const sizes = { batch: 1, image: 1, "past.text": 256, "past.image.patch": 64, ...own };
    return {
      name,
      module: { ...module, programs: [found] },
      program,
      inputs: Object.fromEntries(found.inputs.map((port) => [port.name, tensorOf(port, sizes)])),
      work: 0,
    };
  });
};
