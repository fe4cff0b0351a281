"""Reference gradients of X-Fusion's block variants and of LMFusion: PyTorch's autograd on the program of make_fusion.py.

The loss is 0.2 * text + image: text is the sum over text rows and markers of weight times cross-entropy over the ids below
a number, image the sum over patches of weight times the mean squared error of the velocity. Which ids a row is held to,
targets and weights are all drawn here; a weight of 0 stands at some rows.
Writes gradients/inputs.safetensors, gradients/documents.json and gradients/VARIANT.safetensors beside this script. Computed
in f64 from weights and inputs that are exact in f32.
"""

import json
from pathlib import Path

import make_fusion as fusion
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, mse_loss

FOLDER = Path(__file__).parent / "gradients"
SEED = 3100
ALL_IDS = fusion.VOCAB + 2
# As in make_fusion.py; `text_then_image` ends with its last patch, without a marker. Times are small, since the angles of
# 1000 t are rounded in f32 by 3e-5 at 0.7, which is what a gradient of a scalar would then be off by.
DOCUMENTS = dict(text_then_image=[6, (0.09375,)], image_then_text=[(0.0625,), 5], text_only=[6])


def trained(variant: str, weights) -> list[str]:
    """What the variant trains: the language tower is frozen but where it is the only one."""
    own = "vision", "added"
    if variant == "single_tower":
        own = "language", "vision.patch", "vision.time", "vision.norm", "added"
    scalars = dict(gated_layer=("gamma",), x_fuse=("alpha", "beta")).get(variant, ())
    shared = ("attn_norm", "mlp_norm", ".o") if variant == "dual_projection" else ()
    return [name for name in weights if name.startswith(own) and not name.endswith(shared) or name.endswith(scalars)]


def make_document(name: str, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """The rows as make_fusion.py draws them, and per row what it should say: numbers at rows without a head are 0."""
    document = fusion.make_document(DOCUMENTS[name], generator)
    if name == "text_then_image":
        document |= {part: document[part][:-1] for part in ("ids", "image")}
    # A row that opens an image has nothing to say: what follows it is known.
    rows, token = len(document["ids"]), (document["image"] < 0) & (document["ids"] != fusion.BOI)
    many = token & (torch.rand(rows, generator=generator) < 0.5) if (document["image"] >= 0).any() else token & False
    below = torch.where(many, ALL_IDS, fusion.VOCAB)
    # Rows that are held to all ids say a marker, so that the markers' heads have gradients of ordinary size.
    target = (fusion.VOCAB * many + torch.rand(rows, generator=generator) * torch.where(many, 2, fusion.VOCAB)).long()
    weight = torch.rand(rows, generator=generator) / rows
    weight[torch.arange(rows) % 5 == 2] = 0
    velocity = torch.randn(document["patches"].shape, generator=generator)
    return document | {
        "logits.below": below * token,
        "logits.target": target * token,
        "logits.weight": weight * token,
        "velocity.weight": weight * (document["image"] >= 0),
        "velocity.target": velocity,
    }


def losses(variant: str, weights, document, dtype) -> dict[str, torch.Tensor]:
    """The specification's loss and its terms."""
    found = fusion.run(variant, weights, document, dtype)
    token = document["image"] < 0
    below, target, weight = (document[f"logits.{name}"][token] for name in ("below", "target", "weight"))
    below = below.where(below > 0, ALL_IDS)  # of rows that say nothing any will do
    logits = found["logits"].masked_fill(torch.arange(ALL_IDS) >= below[:, None], -torch.inf)
    text = (weight.to(dtype) * cross_entropy(logits, target, reduction="none")).sum()
    wanted = document["velocity.target"].to(dtype).flatten(0, 1)
    squares = mse_loss(found["predictions"], wanted, reduction="none").mean(-1)
    image = (document["velocity.weight"][~token].to(dtype) * squares).sum()
    return {"loss": 0.2 * text + image, "loss.text": text, "loss.image": image}


def gradients(variant: str, weights, document, dtype) -> dict[str, torch.Tensor]:
    """The losses, and the gradient of every trained weight that has any."""
    names = trained(variant, weights)
    leaves = {name: x.to(dtype, copy=True).requires_grad_(name in names) for name, x in weights.items()}
    costs = losses(variant, leaves, document, dtype)
    found = {name: torch.zeros_like(leaves[name]) for name in names}
    if costs["loss"].requires_grad:
        shares = torch.autograd.grad(costs["loss"], [leaves[name] for name in names], allow_unused=True)
        found |= {name: x for name, x in zip(names, shares) if x is not None}
    own = {f"gradient.{name}": x for name, x in found.items() if x.any()}
    return {name: x.detach() for name, x in costs.items()} | own


def save(name: str, tensors: dict[str, torch.Tensor]) -> None:
    narrow = {n: x.float() if x.is_floating_point() else x.int() for n, x in tensors.items() if x.numel()}
    save_file({n: x.contiguous() for n, x in narrow.items()}, FOLDER / f"{name}.safetensors")


def main() -> None:
    weights, generator = fusion.make_weights(), torch.Generator().manual_seed(SEED)
    documents = {name: make_document(name, generator) for name in DOCUMENTS}
    FOLDER.mkdir(exist_ok=True)
    save("inputs", {f"{d}.{n}": x for d, rows in documents.items() for n, x in rows.items()})
    (FOLDER / "documents.json").write_text(json.dumps(DOCUMENTS, indent=2) + "\n")
    for variant in fusion.VARIANTS:
        wide, narrow = (
            {f"{d}.{n}": x for d, rows in documents.items() for n, x in gradients(variant, weights, rows, dtype).items()}
            for dtype in (torch.float64, torch.float32)
        )
        save(variant, wide)
        assert wide.keys() == narrow.keys()
        worst = max(((x - narrow[name]).square().sum() / x.square().sum()).item() for name, x in wide.items() if x.any())
        counts = [sum(name.startswith(f"{d}.gradient") for name in wide) for d in DOCUMENTS]
        print(f"{variant}: gradients {dict(zip(DOCUMENTS, counts))} of {len(trained(variant, weights))}, "
              f"f32 differs from f64 by an NMSE of {worst:.1e}")


if __name__ == "__main__":
    main()
