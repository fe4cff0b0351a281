"""Reference steps of training: torch.optim.AdamW, clip_grad_norm_, a moving average by AveragedModel, and schedules.

A matrix, a vector and a scalar go 100 steps by gradients that are drawn here; the norm of all gradients together is above
the limit in some steps and below it in others. Decay is on the matrix alone. All in f64 from values that are exact in f32.
Writes adamw/vectors.safetensors and adamw/settings.json beside this script.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

FOLDER = Path(__file__).parent / "adamw"
SEED = 3200
SHAPES = dict(matrix=(8, 6), vector=(6,), scalar=())
STEPS, KEPT = 100, (1, 2, 10, 100)
DECAY = dict(matrix=0.1, vector=0.0, scalar=0.0)
SCHEDULE = dict(rate=0.02, warmup=10, steps=90, floor=0.002)  # the last ten steps are at the floor
STEP = dict(beta1=0.9, beta2=0.95, epsilon=1e-6, limit=1.0, average=0.98)
SCHEDULES = [
    SCHEDULE,
    dict(rate=3e-4, warmup=20, steps=200, floor=0.0),
    dict(rate=1e-3, warmup=0, steps=50, floor=1e-4),
    dict(rate=1e-3, warmup=1, steps=20, floor=1e-5),
    dict(rate=1.0, warmup=30, steps=31, floor=0.25),
]


def schedule_of(optimizer, rate: float, warmup: int, steps: int, floor: float) -> tuple[LRScheduler, int]:
    """A scheduler, and how often it must be moved on before the first step: steps are counted from 1, PyTorch's from 0."""
    if warmup < 2:
        return CosineAnnealingLR(optimizer, T_max=steps - warmup, eta_min=floor), 1 - warmup
    # At epoch warmup - 1 both give the peak.
    rise = LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
    fall = CosineAnnealingLR(optimizer, T_max=steps - warmup, eta_min=floor)
    return SequentialLR(optimizer, [rise, fall], milestones=[warmup - 1]), 0


def rates(schedule: dict, count: int) -> list[float]:
    """The rate of each step; from the step of the floor on PyTorch's cosine would rise again, and the floor stands."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=schedule["rate"])
    scheduler, ahead = schedule_of(optimizer, **schedule)
    found = []
    for i in range(ahead + count):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    found = found[ahead:]
    return [schedule["floor"] if i + 1 > schedule["steps"] else x for i, x in enumerate(found)]


def main() -> None:
    generator = torch.Generator().manual_seed(SEED)
    draw = lambda *shape: torch.randn(shape, generator=generator)
    start = {name: draw(*shape) for name, shape in SHAPES.items()}
    # Norms of the three together lie around the limit, from a fifth of it to five times it.
    size = torch.exp(1.6 * (2 * torch.rand(STEPS, generator=generator) - 1)) / 55**0.5
    given = {name: torch.stack([draw(*shape) * size[i] for i in range(STEPS)]) for name, shape in SHAPES.items()}

    model = torch.nn.ParameterDict({name: torch.nn.Parameter(x.double()) for name, x in start.items()})
    groups = [dict(params=[model[name]], weight_decay=DECAY[name]) for name in SHAPES]
    betas = STEP["beta1"], STEP["beta2"]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=betas, eps=STEP["epsilon"])
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(STEP["average"]))
    averaged.update_parameters(model)  # the first call copies, so the average starts as the weights do
    learning = rates(SCHEDULE, STEPS)
    norms, tensors = [], {}
    for step in range(1, STEPS + 1):
        for name, parameter in model.items():
            parameter.grad = given[name][step - 1].double()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), STEP["limit"]))
        for group in optimizer.param_groups:
            group["lr"] = learning[step - 1]
        optimizer.step()
        averaged.update_parameters(model)
        if step in KEPT:
            for name, parameter in model.items():
                state = optimizer.state[parameter]
                now = dict(weight=parameter, moment1=state["exp_avg"], moment2=state["exp_avg_sq"])
                now |= dict(average=averaged.module[name])
                tensors |= {f"{step}.{what}.{name}": x.detach().clone() for what, x in now.items()}
    norms = torch.stack(norms)
    limited = (norms > STEP["limit"]).sum().item()
    assert 30 <= limited <= 70, limited
    print(f"{limited} of {STEPS} steps limited, norms {norms.min():.2f} to {norms.max():.2f}")

    tensors |= {f"start.{name}": x for name, x in start.items()}
    tensors |= {f"gradient.{name}": x for name, x in given.items()}
    tensors |= {"norm": norms}
    FOLDER.mkdir(exist_ok=True)
    save_file({name: x.float().contiguous() for name, x in tensors.items()}, FOLDER / "vectors.safetensors")
    schedules = [dict(**schedule, rates=rates(schedule, schedule["steps"] + 5)) for schedule in SCHEDULES]
    settings = dict(torch=torch.__version__.split("+")[0], kept=KEPT, decay=DECAY, schedule=SCHEDULE, step=STEP)
    (FOLDER / "settings.json").write_text(json.dumps(settings | dict(schedules=schedules)) + "\n")


if __name__ == "__main__":
    main()
