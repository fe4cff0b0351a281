"""Reference vectors of Hugging Face LlamaForCausalLM: two small random checkpoints with llama3 rope scaling active.

Writes, beside this script, llama_tied/ and llama_untied/, each with model.safetensors and config.json as
save_pretrained writes them, and vectors.safetensors: inputs, the residual stream after the embedding and after each
decoder layer (before the final norm), and logits. Everything f32, computed by the library in f32 with eager attention.
"""

import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
BATCH, ROWS, SMALL_TOKENS = 2, 40, 8
COMMON = dict(
    hidden_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=160,
    vocab_size=97,
    rms_norm_eps=1e-5,
    max_position_embeddings=512,
    bos_token_id=None,
    eos_token_id=None,
    rope_parameters=dict(
        rope_type="llama3",
        rope_theta=500000.0,
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=64,  # at 32 no wavelength of a 16-wide head falls into the smoothed branch
    ),
)
VARIANTS = dict(
    llama_tied=dict(head_dim=16, tie_word_embeddings=True),
    llama_untied=dict(head_dim=24, tie_word_embeddings=False),
)


def wavelength_branches(config: LlamaConfig) -> list[str]:
    """The branch of the llama3 rule that each rotated pair of a head takes, highest frequency first."""
    rope = config.rope_parameters
    original = rope["original_max_position_embeddings"]

    def branch(pair: int) -> str:
        wavelength = 2 * math.pi * rope["rope_theta"] ** (2 * pair / config.head_dim)
        if wavelength < original / rope["high_freq_factor"]:
            return "kept"
        return "divided" if wavelength > original / rope["low_freq_factor"] else "smoothed"

    return [branch(pair) for pair in range(config.head_dim // 2)]


def fill(model: LlamaForCausalLM, seed: int) -> None:
    """Draws every weight from one generator, in the order of the sorted names; norms in [0.5, 1.5).

    The first SMALL_TOKENS rows of the embedding are so small that eps decides their first norms.
    """
    generator = torch.Generator().manual_seed(seed)
    gains = dict(q_proj=1.3, k_proj=1.3, v_proj=1.0, o_proj=0.6, gate_proj=1.2, up_proj=1.0, down_proj=0.6)
    for name, weight in sorted(model.named_parameters()):
        part = name.split(".")[-2]
        if "norm" in part:
            weight.copy_(0.5 + torch.rand(weight.shape, generator=generator))
        else:
            spread = gains[part] / math.sqrt(weight.shape[1]) if part in gains else 0.25
            weight.copy_(spread * torch.randn(weight.shape, generator=generator))
    model.model.embed_tokens.weight[:SMALL_TOKENS] *= 0.01


def logits_with(model: LlamaForCausalLM, config: LlamaConfig, ids: torch.Tensor) -> torch.Tensor:
    """Logits of the same weights under another configuration: shows that a part of it matters."""
    other = LlamaForCausalLM(config).eval()
    other.load_state_dict(model.state_dict())
    return other(input_ids=ids).logits


def residual_stream(model: LlamaForCausalLM, ids: torch.Tensor, positions: torch.Tensor):
    """Hidden states by hooks, because output_hidden_states gives the last one after the final norm."""
    states = []
    hooks = [
        module.register_forward_hook(lambda _module, _args, output: states.append(output))
        for module in [model.model.embed_tokens, *model.model.layers]
    ]
    output = model(input_ids=ids, position_ids=positions, use_cache=False, output_attentions=True)
    for hook in hooks:
        hook.remove()
    return states, output


def attention_spread(attention: torch.Tensor) -> float:
    """Standard deviation of the attention logits about their row's mean, from rows that see 8 keys or more."""
    deviations = []
    for row in range(7, attention.shape[2]):
        logits = attention[:, :, row, : row + 1].log()
        deviations.append((logits - logits.mean(-1, keepdim=True)).flatten())
    return torch.cat(deviations).std().item()


@torch.no_grad()
def make(name: str, options: dict, seed: int) -> None:
    config = LlamaConfig(**COMMON, **options)
    branches = wavelength_branches(config)
    assert set(branches) == {"kept", "smoothed", "divided"}, branches
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).eval()
    fill(model, seed)

    ids = torch.randint(0, config.vocab_size, (BATCH, ROWS), generator=torch.Generator().manual_seed(seed + 1))
    positions = torch.arange(ROWS).expand(BATCH, ROWS).contiguous()
    states, output = residual_stream(model, ids, positions)

    spreads = [attention_spread(attention) for attention in output.attentions]
    branch_sizes = [((after - before).std() / before.std()).item() for before, after in zip(states, states[1:])]
    assert all(1 <= spread <= 3 for spread in spreads), spreads
    assert 1 <= output.logits.std() <= 3, output.logits.std()

    changes = dict(rope_parameters=dict(rope_type="default", rope_theta=500000.0)), dict(rms_norm_eps=1e-6)
    effects = [
        (logits_with(model, LlamaConfig(**COMMON | options | change), ids) - output.logits).abs().max().item()
        for change in changes
    ]
    assert min(effects) > 0.1, f"rope scaling and eps change the logits by only {effects}"

    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    vectors = {"ids": ids.int(), "positions": positions.int(), "logits": output.logits}
    vectors |= {f"hidden.{layer}": state for layer, state in enumerate(states)}
    save_file({key: value.contiguous() for key, value in vectors.items()}, folder / "vectors.safetensors")
    print(f"{name}: rope {branches}")
    print(f"  attention logits std {[round(s, 2) for s in spreads]}, layer/input {[round(s, 2) for s in branch_sizes]}")
    print(f"  logits std {output.logits.std():.2f}; no rope scaling, eps 1e-6: {[round(e, 2) for e in effects]} off")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, (name, options) in enumerate(VARIANTS.items()):
        make(name, options, seed=1000 + 10 * index)
