"""Reference vectors of X-Fusion's block variants and of LMFusion: a plain PyTorch program from the papers' formulas
(X-Fusion: arXiv 2504.20996, sections 4 and 5; LMFusion: arXiv 2412.15188, section 3).

Writes fusion/weights.safetensors (one file, each variant takes what it needs), fusion/documents.json,
fusion/inputs.safetensors and fusion/VARIANT.safetensors. Computed in f64 from weights and inputs that are exact in f32.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import silu

VARIANTS = "single_tower", "gated_layer", "dual_projection", "dual_tower", "x_fuse", "lmfusion"
FOLDER = Path(__file__).parent / "fusion"
WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_DIM, HIDDEN, VOCAB = 32, 2, 4, 2, 8, 64, 61
BOI, EOI, PATCHES, PATCH, TIME, THETA, PERIOD, EPS = 61, 62, 16, 12, 64, 10000.0, 10000.0, 1e-5
# A number is that many text rows, a tuple (t,) one image between its markers.
DOCUMENTS = dict(two_images=[5, (0.35,), 3, (0.0,), 2], image_first=[(0.8,), 4], text_only=[7])
Q, KV = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
LINEAR = dict(q=(Q, WIDTH), k=(KV, WIDTH), v=(KV, WIDTH), o=(WIDTH, Q))
LINEAR |= dict(gate=(HIDDEN, WIDTH), up=(HIDDEN, WIDTH), down=(WIDTH, HIDDEN))
ENDS = {"patch_in": (WIDTH, PATCH), "time.in": (WIDTH, TIME), "time.out": (WIDTH, WIDTH), "patch_out": (PATCH, WIDTH)}
GAIN = dict(q=1.25, k=1.25, v=1.0, o=1.0, gate=1.2, up=1.2, down=1.0)
spreads: list[float] = []  # standard deviations of attention logits, one per softmax


def make_weights() -> dict[str, torch.Tensor]:
    """Every weight from one seed, all different, norms in [0.5, 1.5), linear weights [out, in]."""
    weights, generator = {}, torch.Generator().manual_seed(3000)

    def normal(name: str, *shape: int, spread: float) -> None:
        weights[name] = spread * torch.randn(shape, generator=generator)

    for tower in ("language", "vision"):
        for layer in range(LAYERS):
            for name, (rows, columns) in LINEAR.items():
                normal(f"{tower}.layers.{layer}.{name}", rows, columns, spread=GAIN[name] / math.sqrt(columns))
        norms = [f"layers.{layer}.{kind}" for layer in range(LAYERS) for kind in ("attn_norm", "mlp_norm")]
        weights |= {f"{tower}.{name}": 0.5 + torch.rand(WIDTH, generator=generator) for name in [*norms, "norm"]}
    for name, rows in {"language.embed": VOCAB, "added": 2, "added_head": 2}.items():
        normal(name, rows, WIDTH, spread=0.4)
    for name, (rows, columns) in ENDS.items():
        normal(f"vision.{name}.w", rows, columns, spread=0.7 / math.sqrt(columns))
        normal(f"vision.{name}.b", rows, spread=0.2)
    for layer, values in enumerate([dict(gamma=0.6, alpha=0.8, beta=0.45), dict(gamma=-0.7, alpha=1.15, beta=-0.35)]):
        weights |= {f"fuse.{layer}.{name}": torch.tensor(value) for name, value in values.items()}
    return weights


def make_document(parts: list, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Per row in document order: token id (-1: patch) and image number (-1: text, marker); per image: patches, t."""
    ids, image, times = [], [], []
    for part in parts:
        if isinstance(part, int):
            ids += torch.randint(0, VOCAB, (part,), generator=generator).tolist()
            image += [-1] * part
        else:
            ids += [BOI, *[-1] * PATCHES, EOI]
            image += [-1, *[len(times)] * PATCHES, -1]
            times.append(part[0])
    patches = torch.randn(len(times), PATCHES, PATCH, generator=generator)
    return dict(ids=torch.tensor(ids), image=torch.tensor(image), patches=patches, t=torch.tensor(times))


def rms_norm(x, weight):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPS) * weight


def affine(weights, name: str, x):
    return x @ weights[f"vision.{name}.w"].T + weights[f"vision.{name}.b"]


def rope(x):
    """Rotate-half over running positions; x is [rows, heads, head_dim]."""
    frequencies = THETA ** (-torch.arange(0, HEAD_DIM, 2).to(x) / HEAD_DIM)
    angles = torch.arange(len(x)).to(x)[:, None] * frequencies
    cos, sin = (torch.cat([part, part], -1)[:, None] for part in (angles.cos(), angles.sin()))
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def attention(q, k, v, image):
    """Causal by place, or both rows patches of one image; each kv head serves HEADS / KV_HEADS heads in turn."""
    place = torch.arange(len(q))
    allowed = (place[None, :] <= place[:, None]) | ((image[:, None] == image[None, :]) & (image[:, None] >= 0))
    q, k, v = (x.unflatten(-1, (-1, HEAD_DIM)) for x in (q, k, v))
    k, v = (x.repeat_interleave(HEADS // KV_HEADS, 1) for x in (rope(k), v))
    scores = torch.einsum("ihd,jhd->hij", rope(q), k) / math.sqrt(HEAD_DIM)
    spreads.append(scores[:, allowed].std().item())
    shares = scores.masked_fill(~allowed, -math.inf).softmax(-1)
    return torch.einsum("hij,jhd->ihd", shares, v).flatten(1)


def block(apply, x, image):
    """One Llama layer; apply(name, x) is the norm or linear map of that name."""
    a = apply("attn_norm", x)
    x = x + apply("o", attention(apply("q", a), apply("k", a), apply("v", a), image))
    m = apply("mlp_norm", x)
    return x + apply("down", silu(apply("gate", m)) * apply("up", m))


def tower(weights, name: str, layer: int):
    """The maps of one tower's layer, on every row."""
    own = {part: weights[f"{name}.layers.{layer}.{part}"] for part in (*LINEAR, "attn_norm", "mlp_norm")}
    return lambda part, x: rms_norm(x, own[part]) if part.endswith("norm") else x @ own[part].T


def by_kind(image, text, vision):
    return torch.where((image >= 0)[:, None], vision, text)


def routed(weights, layer: int, image, parts):
    """The named parts by modality of the row, the others from the language tower."""
    language, vision = tower(weights, "language", layer), tower(weights, "vision", layer)
    return lambda part, x: by_kind(image, language(part, x), vision(part, x)) if part in parts else language(part, x)


def layer_of(variant: str, weights, layer: int, h, image):
    """h after one layer; x_fuse fuses the language rows only, dual_projection shares norms and o."""
    if variant == "dual_projection":
        return block(routed(weights, layer, image, {"q", "k", "v", "gate", "up", "down"}), h, image)
    if variant == "lmfusion":
        return block(routed(weights, layer, image, {*LINEAR, "attn_norm", "mlp_norm"}), h, image)
    text = block(tower(weights, "language", layer), h, image)
    if variant == "single_tower":
        return text
    other = block(tower(weights, "vision", layer), h, image)
    gamma, alpha, beta = (weights[f"fuse.{layer}.{name}"] for name in ("gamma", "alpha", "beta"))
    if variant == "gated_layer":
        return text + gamma * other
    return by_kind(image, alpha * text + beta * other if variant == "x_fuse" else text, other)


def enter(weights, document):
    """The first residual stream: table rows for text and markers, linear(z) + time(t) for patches."""
    table = torch.cat([weights["language.embed"], weights["added"]])
    h = table[document["ids"].clamp(min=0)]
    half = torch.arange(TIME // 2).to(h)
    angles = 1000 * document["t"][:, None] * PERIOD ** (-half / len(half))
    time = silu(affine(weights, "time.in", torch.cat([angles.cos(), angles.sin()], -1)))
    rows = affine(weights, "patch_in", document["patches"]) + affine(weights, "time.out", time)[:, None]
    h[document["image"] >= 0] = rows.flatten(0, 1)
    return h


def run(variant: str, weights, document, dtype) -> dict[str, torch.Tensor]:
    """The stream before and after every layer, logits at text and marker rows, predictions at patch rows."""
    weights, document = (
        {name: x.to(dtype) if x.is_floating_point() else x for name, x in tensors.items()}
        for tensors in (weights, document)
    )
    h = enter(weights, document)
    result = {"h.0": h}
    for layer in range(LAYERS):
        h = layer_of(variant, weights, layer, h, document["image"])
        result[f"h.{layer + 1}"] = h
    head = torch.cat([weights["language.embed"], weights["added_head"]])
    text, patches = h[document["image"] < 0], h[document["image"] >= 0]
    result["logits"] = rms_norm(text, weights["language.norm"]) @ head.T
    return result | {"predictions": affine(weights, "patch_out", rms_norm(patches, weights["vision.norm"]))}


def save(name: str, tensors: dict[str, torch.Tensor]) -> None:
    """As f32 or i32; a tensor without elements (the images of a text-only document) is left out."""
    narrow = {n: x.float() if x.is_floating_point() else x.int() for n, x in tensors.items() if x.numel()}
    save_file({n: x.contiguous() for n, x in narrow.items()}, FOLDER / f"{name}.safetensors")


def main() -> None:
    weights, generator = make_weights(), torch.Generator().manual_seed(3001)
    documents = {name: make_document(parts, generator) for name, parts in DOCUMENTS.items()}
    FOLDER.mkdir(exist_ok=True)
    save("weights", weights)
    save("inputs", {f"{d}.{n}": x for d, rows in documents.items() for n, x in rows.items()})
    (FOLDER / "documents.json").write_text(json.dumps(DOCUMENTS, indent=2) + "\n")
    text_only = []
    for variant in VARIANTS:
        wide, narrow = (
            {f"{d}.{n}": x for d, rows in documents.items() for n, x in run(variant, weights, rows, dtype).items()}
            for dtype in (torch.float64, torch.float32)
        )
        save(variant, wide)
        error = max((wide[name] - narrow[name]).abs().max().item() for name in wide if wide[name].numel())
        stream = [wide[f"two_images.h.{layer}"] for layer in range(LAYERS + 1)]
        ratios = [((after - before).std() / before.std()).item() for before, after in zip(stream, stream[1:])]
        assert all(0.3 <= ratio <= 3 for ratio in ratios), ratios
        text_only += [wide["text_only.logits"]] if variant not in ("gated_layer", "x_fuse") else []
        print(f"{variant}: layer/input {[round(r, 2) for r in ratios]}, f32 differs from f64 by {error:.1e}")
    assert all(torch.equal(logits, text_only[0]) for logits in text_only), "text alone is the language tower"
    assert all(1 <= spread <= 3 for spread in spreads), sorted(spreads)
    print(f"attention logits std {min(spreads):.2f} to {max(spreads):.2f}")


if __name__ == "__main__":
    main()
