// Texts that must parse: the examples of the language's reference, whole specifications, and every form at least once.

const language = `import { Language, Painter, Copied } from "std/contracts"
import { Llama_3_2_1B } from "std/llama"
import { DiT_XL_2 } from "std/dit"

/// X-Fusion (arXiv 2504.20996), Dual Tower with X-Fuse on text; beta = 0 and frozen gives the plain Dual Tower.
model XFusion(language: Language, vision: Painter = Copied(language)) {
  modality text  = tokens(vocab: language.vocab, add: ["<boi>", "<eoi>"])
  modality image = span { open: text "<boi>", patch: grid(16, 16, of: vision.patch), close: text "<eoi>" }
  group und = text, image.open, image.close
  input t: number per image
  let c = select { und: vision.condition(clean), image.patch: vision.condition(t) }

  freeze language.**
  train  vision.**, text.added, fuse.**

  embed text(id)       = language.enter(id)
  embed image.patch(z) = vision.enter(z, c)

  layers fuse l in language.layers, v in spread(vision.layers, language.L) {
    weight alpha = 1
    weight beta  = 0
    let seen = v(h, c: c)
    h = select { und: alpha * l(h) + beta * seen, image.patch: seen }
  }

  mask     = causal or within(image.patch)               // within(image) would let its markers see it too (BAGEL)
  position = running
  noise image = vision.noise { given: t = clean   after: given }
  head text  = next_token(language.logits(h))
  head image = denoise(vision.leave(h, c: c))
  loss = 0.2 * text + image
}

model XFusion1B  = XFusion(language: Llama_3_2_1B)
model XFusionDiT = XFusion(language: Llama_3_2_1B, vision: DiT_XL_2) with { bridge }      // the swap: one line
`;

const llama = `/// The Llama decoder block, exactly as the Hugging Face checkpoints mean it.
block LlamaBlock(D, heads, kv_heads = heads, head_dim = D / heads, hidden, eps = 1e-5, rope: Rope) {
  weight attn_norm: [D] = ones
  weight q: [heads * head_dim, D],  k: [kv_heads * head_dim, D],  v: [kv_heads * head_dim, D],  o: [D, heads * head_dim]
  weight mlp_norm: [D] = ones
  weight gate: [hidden, D],  up: [hidden, D],  down: [D, hidden]

  forward(x: [D]) -> [D] {
    n = rms_norm(x, attn_norm, eps)
    a = attend(rope(split(linear(n, q), heads)), rope(split(linear(n, k), kv_heads)), split(linear(n, v), kv_heads))
    y = x + linear(merge(a), o)
    m = rms_norm(y, mlp_norm, eps)
    y + linear(silu(linear(m, gate)) * linear(m, up), down)
  }
}

tower Llama(L, D, heads, kv_heads, head_dim, hidden, vocab, rope, tied = true) {
  weight embed: [vocab, D]
  layers: LlamaBlock(D, heads, kv_heads, head_dim, hidden, rope: rope) * L
  weight norm: [D] = ones
  weight head: [vocab, D] = share(embed) if tied

  enter(id) -> [D]            { embed[id] }
  logits(x: [D]) -> [vocab]   { linear(rms_norm(x, norm), head) }

  checkpoint huggingface {
    embed               <- "model.embed_tokens.weight"
    layers[i].attn_norm <- "model.layers.{i}.input_layernorm.weight"
    layers[i].q         <- "model.layers.{i}.self_attn.q_proj.weight"
    layers[i].k         <- "model.layers.{i}.self_attn.k_proj.weight"
    layers[i].v         <- "model.layers.{i}.self_attn.v_proj.weight"
    layers[i].o         <- "model.layers.{i}.self_attn.o_proj.weight"
    layers[i].mlp_norm  <- "model.layers.{i}.post_attention_layernorm.weight"
    layers[i].gate      <- "model.layers.{i}.mlp.gate_proj.weight"
    layers[i].up        <- "model.layers.{i}.mlp.up_proj.weight"
    layers[i].down      <- "model.layers.{i}.mlp.down_proj.weight"
    norm                <- "model.norm.weight"
    ignore "*.rotary_emb.inv_freq"
  }
}
`;

const contracts = `contract Language { D, vocab   layers: ([D]) -> [D]   enter(id) -> [D]   logits([D]) -> [vocab] }
contract Painter  { D, patch   layers: ([D], c?: [C]) -> [D]   enter(z: [patch], c?: [C]) -> [D]
                    condition?(t) -> [C]   leave([D], c?: [C]) -> [patch]   noise: Process }
contract Both { leave([D]) -> [patch], [C] norm?: Norm }
`;

const inModel = {
  modalities: `
modality text  = tokens(vocab: language.vocab, add: ["<boi>", "<eoi>"])                                   // [A]
modality image = span { open: text "<boi>", patch: grid(16, 16, of: [16]), close: text "<eoi>" }          // [A]
modality goal  = span { state: vector([32]), steps: vectors(50, of: [32]) }                               // [later]
modality photo = span { cls: learned(1), patch: grid(24, 24, of: [588]) } aside                           // [later] no rows in h
modality other = span { open: silent "<boi>", patch: grid(8..64, 8..64, of: [16], order: "c p q") }
group und = text, image.open, image.close                                                                 // [A]`,
  "the designs of the papers": `
h = l(h)                                                            // Single Tower
h = l(h) + gamma * v(h)                                             // Gated Layer          (weight gamma = 0)
h = joint  { und: l(h), image.patch: v(h) }                         // LMFusion, MoT, BAGEL, pi0
h = select { und: l(h), image.patch: v(h) }                         // Dual Tower
h = select { und: alpha * l(h) + beta * v(h), image.patch: v(h) }   // with X-Fuse          (alpha = 1, beta = 0; per layer)
h = joint  { und: l(h) sees und, image.patch: v(h) }                // one-way (Cosmos3, pi0's prefix)
h = chain(b1, b2)(e)
h = held(group, own: K)(e)`,
  layers: `
layers fuse l in language.layers, v in vision.layers {
  part up   = Linear(vision.D, language.D)          // patch rows as the language tower reads them
  part down = Linear(language.D, vision.D)          // text rows as the vision tower reads them
  h = select { und: l(h[und] | up(h[image.patch])), image.patch: v(down(h[und]) | h[image.patch], c: c) }
  layers inner b in slots(list, at: 3, every: 4) { h = b(h) }
  when tied { h = l(h)
    h = v(h) }
}
h = linear(l(h), p) + linear(v(h), q)
layers rest l in (Local * 5 + Global) * 4 + Local * 2 { let own = l(h)  h = own | seen.k }`,
  inputs: `
input t: number per image        input label: index(1001) per document        input feature: [1024] per image.patch
let c = select { und: vision.condition(clean), image.patch: vision.condition(t) }`,
  masks: `
mask = (causal or within(look, image)) and (not key is drawn or within(image))
mask = ordered(und, state, action) and latest(photo) or query is text and near
mask = text before image`,
  positions: `
position = running
position = count { text: each, given image: once, drawn image: never }
position vision.** = axes { text: (0, 0, 0), image: (0, row, col) }`,
  weights: `
weight w: [D, E] = normal(0.02)
weight gamma = 0, p: [D, D] = identity, q: [D, D] = zeros
weight tied: [D] = share(language.layers[5].norm) if same
let a = attend(q, k, v, near: window(512))
freeze vision.layers[*].q, vision.layers[3].o, *.norm
train **`,
  noise: `
noise image = vision.noise { given: t = clean   drawn: t ~ logit_normal(0, 1)   after: given }
noise other = flow(clean: 0, noise: 1, predicts: velocity) { after: never }
noise third = vision.noise { }
head text  = next_token(language.logits(h))
head image = denoise(vision.leave(h, c: c))
guide text = without(text before image)                   // the unconditional branch: another document; hide(...) keeps positions
loss align = 1 - cosine(linear(fuse[7].seen, w), feature)
loss = 0.2 * text + image + 0.5 * align
session = text image? look* goal+
h = x`,
  later: `
precision vision.** = f16
quantize language.layers[*] = int4(group: 32)
codec image = Taef2 { pixels: 0 .. 1, latent: scale 1 shift 0 }
codec plain = Taef2
when tied { head text = f(h) { } }
let down = unet_down(z, time(t))                         // { out: grid [D, 16, 16], skips: [...] }
embed image.patch = rows(down.out)
head  image = denoise(unet_up(grid(h[image.patch]), time(t), down.skips))`,
  names: `
let [first, second] = chunk(x, 2)
[a, b] = f(mask: head, in: x.is)
head = 3
n = f(select, joint)
h = -x * -(y + z)[0] - -1
part tower = Llama(layers: 3)`,
};

const templates = `part Grid(unet: Painter, sizes = [1, 2]) {
  require(D, heads * head_dim, "heads must divide D")
  require(D, C)
  hidden = 4 * D
  noise = flow(clean: 0, noise: 1, predicts: velocity)
  head = 3
  part up = Linear(D, hidden)
  /// Two results, and
  /// two lines.
  down(z: [patch], t, seen: rows { k, v }) -> grid [D, 16, 16], [D], k, v { [a, b] = chunk(z, 2)  c = x [d, e] = chunk(c, 2) first([a, grid[0]]) }
  up(g: grid [C, H, W], c?: [C]) -> [D] { conv2d(g, w) }
}
part Empty {}
tower Llama_3_2_1B = Llama(L: 16, D: 2048)
part Small = Grid(unet: DiT)
model Swap = XFusion(language: L) with { bridge once, expand, bridge(bias: true) }
model Plain { }
tower Mapped {
  checkpoint original {
    layers[2 * i + 1].qkv <- concat("a.{i}", transpose("b.{i}"))
    q <- split("c", axis: 0, parts: 3, take: 1)
    ignore <- "d"
    ignore "e.*"
  }
}
`;

/** Name and text of each sample. */
export const samples: readonly (readonly [name: string, text: string])[] = [
  ["a dual tower", language],
  ["Llama", llama],
  ["contracts", contracts],
  ["parts, blocks, towers", templates],
  ...Object.entries(inModel).map(([name, body]) => [name, `model Sample {${body}\n}\n`] as const),
  ["comments everywhere", "// top\n\n\n/// doc\nmodel X {}\n// end"],
  ["nothing", ""],
  [
    "comments in odd places",
    `model X( // after the parenthesis
  a, // first
  // own line
  b
  // last
) {
  // at the start

  h = f(a, /// beside
    b) // after
    // before plus
    + c


  weight
    /// of w
    w: [D],
    /// of v
    v = 1 // end of v
  // before the end
}
`,
  ],
];
