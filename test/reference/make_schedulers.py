"""Reference vectors of denoising: diffusers' flow-matching Euler, DDIM and DDPM schedulers on made-up predictions.

At step i the model is said to predict 0.5 z + push[i], which both sides compute. Every z on the way is kept, twice for DDIM
and DDPM: as the library computes it, in f32, where 1 - alpha is rounded to a thousandth of itself near the clean end; and
in f64, with the library's table replaced by the same products taken in f64.
Two things of diffusers are set through its own parameters: the flow's sigmas (1 to 1/n, as its pipeline of FLUX
passes them; the scheduler's own end at 1/1000), and betas of the linear schedule (1e-4 to 0.02).
Writes schedulers/vectors.safetensors and schedulers/cases.json beside this script.
"""

import json
import math
from importlib.metadata import version
from pathlib import Path

import numpy
import torch
from diffusers import DDIMScheduler, DDPMScheduler, FlowMatchEulerDiscreteScheduler
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "schedulers"
SEED = 3000
WIDTH = 16
MOST = 50
TRAINED = 1000
SCHEDULES = {"linear": "linear", "cosine": "squaredcos_cap_v2"}
PREDICTS = {"noise": "epsilon", "v": "v_prediction", "x": "sample"}

FLOWS = [
    dict(steps=steps, shift=shift)
    for steps, shift in [(1, 1.0), (4, 1.0), (30, 1.0), (20, 3.0), (50, 3.0), (7, 0.5), (28, 12.0)]
]
DDIMS = [
    dict(steps=steps, schedule=schedule, predicts=predicts, eta=eta, spacing=spacing, clip=None)
    for schedule in SCHEDULES
    for predicts in PREDICTS
    for eta in (0.0, 0.5)
    for steps, spacing in [(20, "trailing" if eta else "leading"), (10, "leading" if eta else "trailing")]
] + [
    dict(steps=1, schedule="linear", predicts="v", eta=0.0, spacing="trailing", clip=None),
    dict(steps=50, schedule="linear", predicts="noise", eta=1.0, spacing="trailing", clip=None),
    dict(steps=20, schedule="cosine", predicts="noise", eta=0.0, spacing="trailing", clip=1.0),
]
# 30 does not divide 1,000: diffusers' DDPM goes from each step to the next one of its list, as it should; its DDIM goes
# to the step less 1000 // 30, which is another one. So DDIM is compared where the two are the same.
DDPMS = [
    dict(steps=steps, schedule=schedule, predicts=predicts, spacing=spacing, clip=clip)
    for steps, schedule, predicts, spacing, clip in [
        (20, "linear", "noise", "trailing", None),
        (20, "cosine", "v", "trailing", None),
        (20, "linear", "x", "leading", None),
        (30, "cosine", "x", "trailing", None),
        (30, "linear", "v", "leading", None),
        (16, "linear", "noise", "trailing", None),
        (20, "cosine", "noise", "trailing", 1.0),
    ]
]


def exact_table(schedule: str) -> torch.Tensor:
    """The products of 1 - beta in f64: betas from 1e-4 to 0.02, or those of Nichol and Dhariwal, at most 0.999."""
    if schedule == "linear":
        betas = torch.linspace(1e-4, 0.02, TRAINED, dtype=torch.float64)
    else:
        angles = (torch.arange(TRAINED + 1, dtype=torch.float64) / TRAINED + 0.008) / 1.008 * math.pi / 2
        bars = angles.cos() ** 2
        betas = (1 - bars[1:] / bars[:-1]).clamp(max=0.999)
    return (1 - betas).cumprod(0)


def started(case: dict, exact: bool):
    """The public scheduler of a case, its times set."""
    steps = case["steps"]
    if case["scheduler"] == "euler":
        scheduler = FlowMatchEulerDiscreteScheduler(shift=case["shift"])
        scheduler.set_timesteps(sigmas=numpy.linspace(1.0, 1 / steps, steps).tolist())
        return scheduler
    build = DDIMScheduler if case["scheduler"] == "ddim" else DDPMScheduler
    scheduler = build(
        num_train_timesteps=TRAINED,
        beta_start=1e-4,
        beta_end=0.02,
        beta_schedule=SCHEDULES[case["schedule"]],
        prediction_type=PREDICTS[case["predicts"]],
        timestep_spacing=case["spacing"],
        **({"variance_type": "fixed_small"} if build is DDPMScheduler else {}),
        clip_sample=case["clip"] is not None,
        clip_sample_range=case["clip"] or 1.0,
    )
    scheduler.set_timesteps(steps)
    if exact:
        scheduler.alphas_cumprod = exact_table(case["schedule"])
    return scheduler


def chain(case: dict, start: torch.Tensor, push: torch.Tensor, seed: int) -> dict[str, torch.Tensor]:
    """Every z, the times, and the noise of the steps that draw it (zeros for the others); in f64 if the start is."""
    scheduler = started(case, exact=start.dtype == torch.float64)
    z, states, noises = start[None], [start], []
    drawing, watching = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    for i, t in enumerate(scheduler.timesteps):
        predicted = 0.5 * z + push[i]
        noise = torch.zeros_like(z)
        if case["scheduler"] == "euler":
            z = scheduler.step(predicted, t, z).prev_sample
        elif case["scheduler"] == "ddim":
            if case["eta"] > 0:
                noise = torch.randn(z.shape, generator=watching, dtype=z.dtype)
            corrected = case["clip"] is not None
            z = scheduler.step(
                predicted, t, z, eta=case["eta"], use_clipped_model_output=corrected, variance_noise=noise
            ).prev_sample
        else:
            if t > 0:  # where the scheduler draws: the same numbers from a second generator
                noise = torch.randn(z.shape, generator=watching, dtype=z.dtype)
            z = scheduler.step(predicted, t, z, generator=drawing).prev_sample
            assert torch.equal(drawing.get_state(), watching.get_state())
        assert z.dtype == start.dtype
        states.append(z[0])
        noises.append(noise[0])
    result = {"times": scheduler.timesteps, "z": torch.stack(states)}
    return result if case["scheduler"] == "euler" else result | {"noise": torch.stack(noises)}


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    start = torch.randn(WIDTH, generator=generator)
    push = 0.5 * torch.randn(MOST, WIDTH, generator=generator)
    vectors = {"start": start, "push": push}
    for schedule, name in SCHEDULES.items():
        scheduler = DDPMScheduler(TRAINED, beta_start=1e-4, beta_end=0.02, beta_schedule=name)
        vectors[f"kept.{schedule}"] = scheduler.alphas_cumprod
        apart = (scheduler.alphas_cumprod / exact_table(schedule) - 1).abs().max().item()
        assert apart < 2e-5, apart
        print(f"{schedule}: the table in f32 differs from that in f64 by at most {apart:.1e} of itself")
    cases = [
        dict(scheduler=scheduler) | case
        for scheduler, list_ in (("euler", FLOWS), ("ddim", DDIMS), ("ddpm", DDPMS))
        for case in list_
    ]
    for i, case in enumerate(cases):
        found = chain(case, start, push, SEED + 1 + i)
        vectors |= {f"{i}.{name}": value for name, value in found.items()}
        largest = found["z"].abs().amax(1)
        print(f"{i} {case}: |z| up to {largest.max():.3g}, {largest[-1]:.3g} at the end")
        if case["scheduler"] != "euler":  # which diffusers computes in f32 whatever it is given
            exact = chain(case, start.double(), push.double(), SEED + 1 + i)
            vectors |= {f"{i}.exact.{name}": exact[name] for name in ("z", "noise")}
    FOLDER.mkdir(exist_ok=True)
    save_file({name: value.float().contiguous() for name, value in vectors.items()}, FOLDER / "vectors.safetensors")
    versions = {name: version(name) for name in ("diffusers", "torch", "numpy")}
    rows = ",\n".join("    " + json.dumps(case) for case in cases)
    (FOLDER / "cases.json").write_text(f'{{\n  "versions": {json.dumps(versions)},\n  "cases": [\n{rows}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
