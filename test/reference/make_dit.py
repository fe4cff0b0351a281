"""Reference vectors of a small DiT: diffusers' DiTTransformer2DModel set to the conventions of facebookresearch/DiT.

Two settings of diffusers differ from the original and are changed through the library's own parameters: the timestep
frequencies (downscale_freq_shift 0, so exponents over 128 and not 127) and the eps of the norm before the MLP (1e-6).
Writes dit/weights.safetensors (original key names), dit/vectors.safetensors and dit/config.json beside this script.
"""

import json
import math
from pathlib import Path

import torch
from diffusers import DiTTransformer2DModel
from diffusers.models.embeddings import Timesteps
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "dit"
SEED = 2000
CONFIG = dict(
    num_attention_heads=4,
    attention_head_dim=12,
    in_channels=4,
    out_channels=8,  # four of the noise, four of the learned sigma
    num_layers=3,
    sample_size=8,
    patch_size=2,
    num_embeds_ada_norm=10,  # classes; row 10 of the table is the null class
    norm_eps=1e-6,
)
TIMESTEPS = [0.0, 7.0, 999.0, 0.25]
CLASSES = [3, 0, 10, 7]
ENDS = {
    "pos_embed.proj": "x_embedder.proj",
    "proj_out_1": "final_layer.adaLN_modulation.1",
    "proj_out_2": "final_layer.linear",
}
EMBEDDERS = {
    "timestep_embedder.linear_1": "t_embedder.mlp.0",
    "timestep_embedder.linear_2": "t_embedder.mlp.2",
    "class_embedder.embedding_table": "y_embedder.embedding_table",
}
PARTS = {
    "norm1.linear": "adaLN_modulation.1",
    "attn1.to_out.0": "attn.proj",
    "ff.net.0.proj": "mlp.fc1",
    "ff.net.2": "mlp.fc2",
}


def build() -> DiTTransformer2DModel:
    """The public model under the original's conventions; every block holds the same embedder, as its key names say."""
    model = DiTTransformer2DModel(**CONFIG).eval()
    embedder = model.transformer_blocks[0].norm1.emb
    embedder.time_proj = Timesteps(256, flip_sin_to_cos=True, downscale_freq_shift=0)
    for block in model.transformer_blocks:
        block.norm1.emb = embedder
        assert block.norm1.norm.eps == block.norm3.eps == 1e-6
    assert model.norm_out.eps == 1e-6
    return model


def fill(model: DiTTransformer2DModel) -> None:
    """Draws every weight from one generator, in the order of the sorted names; no gate, scale or shift is near 0."""
    generator = torch.Generator().manual_seed(SEED)
    gains = {"to_q": 1.2, "to_k": 1.2, "ff.net.2": 1.5}
    for name, weight in sorted(model.named_parameters()):
        fan_in = weight[0].numel() if weight.dim() > 1 else 0
        gain = next((gain for part, gain in gains.items() if part in name), 1.0)
        spread = 1.0 if "embedding_table" in name else gain / math.sqrt(fan_in) if fan_in else 0.3
        weight.copy_(spread * torch.randn(weight.shape, generator=generator))


def original_names(model: DiTTransformer2DModel) -> dict[str, torch.Tensor]:
    """The state under the names of facebookresearch/DiT, q, k and v fused in that order; every tensor is used."""
    source = model.state_dict()
    taken: set[str] = set()

    def take(name: str) -> torch.Tensor:
        taken.add(name)
        return source[name]

    pairs = {**ENDS, **{f"transformer_blocks.0.norm1.emb.{old}": new for old, new in EMBEDDERS.items()}}
    for i in range(CONFIG["num_layers"]):
        pairs |= {f"transformer_blocks.{i}.{old}": f"blocks.{i}.{new}" for old, new in PARTS.items()}
    result = {
        f"{new}.{kind}": take(f"{old}.{kind}")
        for old, new in pairs.items()
        for kind in ("weight", "bias")
        if f"{old}.{kind}" in source
    }
    for i in range(CONFIG["num_layers"]):
        for kind in ("weight", "bias"):
            fused = [take(f"transformer_blocks.{i}.attn1.to_{part}.{kind}") for part in "qkv"]
            result[f"blocks.{i}.attn.qkv.{kind}"] = torch.cat(fused)
    copies = {name for name in source if ".norm1.emb." in name and not name.startswith("transformer_blocks.0.")}
    assert taken | copies == set(source), set(source) - taken - copies
    return result | {"pos_embed": model.pos_embed.pos_embed}


def traced(model: DiTTransformer2DModel, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """One call, with the rows after the embedding, after each block and before the un-patchify read by hooks."""
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str):
        return lambda _module, _args, output: seen.update({name: output})

    emb = model.transformer_blocks[0].norm1.emb
    watched = {"time_features": emb.time_proj, "condition": emb, "hidden.0": model.pos_embed, "rows": model.proj_out_2}
    watched |= {f"hidden.{i + 1}": block for i, block in enumerate(model.transformer_blocks)}
    hooks = [module.register_forward_hook(keep(name)) for name, module in watched.items()]
    seen["output"] = model(inputs["latent"], inputs["t"], inputs["class"].long()).sample
    for hook in hooks:
        hook.remove()
    return seen


def attention_spreads(model: DiTTransformer2DModel, inputs: dict[str, torch.Tensor]) -> list[float]:
    """Standard deviation, per block, of the scaled attention logits."""
    spreads: list[float] = []
    heads, width = CONFIG["num_attention_heads"], CONFIG["attention_head_dim"]

    def measure(attention, _args, kwargs, _output):
        rows = kwargs.get("hidden_states", _args[0] if _args else None)
        q, k = (part(rows).unflatten(-1, (heads, width)).transpose(1, 2) for part in (attention.to_q, attention.to_k))
        spreads.append((q @ k.transpose(-1, -2) / math.sqrt(width)).std().item())

    hooks = [block.attn1.register_forward_hook(measure, with_kwargs=True) for block in model.transformer_blocks]
    model(inputs["latent"], inputs["t"], inputs["class"].long())
    for hook in hooks:
        hook.remove()
    return spreads


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    model = build()
    fill(model)
    generator = torch.Generator().manual_seed(SEED + 1)
    inputs = {
        "latent": torch.randn(len(TIMESTEPS), CONFIG["in_channels"], 8, 8, generator=generator),
        "t": torch.tensor(TIMESTEPS),
        "class": torch.tensor(CLASSES, dtype=torch.int32),
    }
    # The patches as rows in the order the convolution reads them, (c p q) within a patch.
    patches = inputs["latent"].unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 1, 4, 5).reshape(len(TIMESTEPS), 16, 16)
    seen = traced(model, inputs)
    spreads = attention_spreads(model, inputs)
    assert all(1 <= spread <= 3 for spread in spreads), spreads
    states = [seen[f"hidden.{i}"] for i in range(CONFIG["num_layers"] + 1)]
    branches = [((after - before).std() / before.std()).item() for before, after in zip(states, states[1:])]
    assert all(0.3 <= branch <= 3 for branch in branches), branches

    FOLDER.mkdir(exist_ok=True)
    vectors = {**inputs, "patches": patches, **seen}
    for file, tensors in ("weights", original_names(model)), ("vectors", vectors):
        save_file({name: value.contiguous() for name, value in tensors.items()}, FOLDER / f"{file}.safetensors")
    (FOLDER / "config.json").write_text(json.dumps(CONFIG | dict(time_features=256, max_period=10000), indent=2) + "\n")
    print(f"dit: attention logits std {[round(s, 2) for s in spreads]}, block/input {[round(b, 2) for b in branches]}")
    print(f"  hidden std {[round(s.std().item(), 2) for s in states]}, output std {seen['output'].std():.2f}")


if __name__ == "__main__":
    main()
