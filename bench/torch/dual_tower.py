"""Steps of training the small DualTower of examples/xfusion in PyTorch, for bench/train.test.ts.

Reads JSON lines and answers each with one. The first line brings weights, a batch of documents (text, a marker, one image)
and settings; each further line names a way to compute the same loss, and one step is taken with that way's own weights:
  whole: both towers read all rows and each row keeps its own tower's result, as the specification says it;
  needed: as one would write it by hand for such documents: text passes the language tower alone, and the vision tower
  computes queries for the image alone, beside keys and values of all rows.
"""

import base64
import json
import sys
import time

import torch
from torch.nn.functional import cross_entropy, embedding, linear, rms_norm, scaled_dot_product_attention, silu
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

HEADS, KV_HEADS, LAYERS, FEATURES, THETA, EPS = 4, 2, 3, 256, 10000.0, 1e-5


def tensor(value: dict) -> torch.Tensor:
    dtype = dict(f32=torch.float32, i32=torch.int32)[value["dtype"]]
    return torch.frombuffer(bytearray(base64.b64decode(value["data"])), dtype=dtype).reshape(value["shape"])


def rope_table(rows: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    angles = torch.arange(rows)[:, None] * THETA ** (-torch.arange(0, width, 2) / width)
    return torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()


def rope(x, table):
    """x is [batch, heads, rows, width]; the table has the positions of these rows."""
    first, second = x.chunk(2, -1)
    return x * table[0] + torch.cat([-second, first], -1) * table[1]


def split(x, heads: int):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class Trainer:
    """One set of weights, its optimizer and its average; `forward` gives the two heads."""

    def __init__(self, way: str, weights: dict, trained: list[str], batch: dict, settings: dict):
        self.batch, self.settings = batch, settings
        self.forward = dict(whole=self.whole, needed=self.needed)[way]
        self.model = torch.nn.ParameterDict({name.replace(".", "/"): weights[name].clone() for name in trained})
        for parameter in self.model.values():
            parameter.requires_grad_(True)
        self.weights = weights | {name: self.model[name.replace(".", "/")] for name in trained}
        betas = settings["beta1"], settings["beta2"]
        groups = [
            dict(params=[p for p in self.model.values() if (p.ndim > 1) == matrix], weight_decay=decay)
            for matrix, decay in ((True, settings["decay"]), (False, 0.0))
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings["rate"], betas=betas, eps=settings["epsilon"], fused=True)
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(settings["average"]))
        self.average.update_parameters(self.model)
        self.text, self.image = batch["text.id"].shape[1], batch["image.patch.z"].shape[1]
        width = weights["language.layers[0].q"].shape[0] // HEADS
        cos, sin = rope_table(self.text + self.image, width)
        self.table, self.late = (cos, sin), (cos[self.text :], sin[self.text :])
        self.early = cos[: self.text], sin[: self.text]
        place = torch.arange(self.text + self.image)
        self.is_image = place >= self.text
        self.mask = (place[None, :] <= place[:, None]) | (self.is_image[None, :] & self.is_image[:, None])

    def enter(self):
        w = self.weights
        text = embedding(self.batch["text.id"], torch.cat([w["language.embed"], w["text.added.enter"]]))
        half = FEATURES // 2
        angles = 1000 * self.batch["t"] * 10000.0 ** (-torch.arange(half) / half)
        features = torch.cat([angles.cos(), angles.sin()], -1)
        ends = {name: w[f"vision.ends.{name}"] for name in ("patch_in", "patch_in_bias")}
        time_of = {name: w[f"vision.ends.time.{name}"] for name in ("first", "first_bias", "second", "second_bias")}
        condition = silu(linear(features, time_of["first"], time_of["first_bias"]))
        condition = linear(condition, time_of["second"], time_of["second_bias"])
        rows = linear(self.batch["image.patch.z"], ends["patch_in"], ends["patch_in_bias"])
        return text, rows + condition[:, None]

    def block(self, tower: str, layer: int, asking, all_rows, tables, **mask):
        """One Llama layer of the asking rows, which see among all rows what the mask lets them."""
        w = {name: self.weights[f"{tower}.layers[{layer}].{name}"] for name in
             ("attn_norm", "q", "k", "v", "o", "mlp_norm", "gate", "up", "down")}
        n = rms_norm(all_rows, w["attn_norm"].shape, w["attn_norm"], EPS)
        own = n if asking is all_rows else n[:, -asking.shape[1] :]
        q = rope(split(linear(own, w["q"]), HEADS), tables[0])
        k, v = rope(split(linear(n, w["k"]), KV_HEADS), tables[1]), split(linear(n, w["v"]), KV_HEADS)
        a = scaled_dot_product_attention(q, k, v, enable_gqa=True, **mask).transpose(1, 2).flatten(2)
        y = asking + linear(a, w["o"])
        m = rms_norm(y, w["mlp_norm"].shape, w["mlp_norm"], EPS)
        return y + linear(silu(linear(m, w["gate"])) * linear(m, w["up"]), w["down"])

    def whole(self):
        h = torch.cat(self.enter(), 1)
        for layer in range(LAYERS):
            tables = self.table, self.table
            text, image = (self.block(tower, layer, h, h, tables, attn_mask=self.mask) for tower in ("language", "vision"))
            h = torch.where(self.is_image[:, None], image, text)
        return h[:, : self.text], h[:, self.text :]

    def needed(self):
        text, image = self.enter()
        for layer in range(LAYERS):
            after = self.block("language", layer, text, text, (self.early, self.early), is_causal=True)
            image = self.block("vision", layer, image, torch.cat([text, image], 1), (self.late, self.table))
            text = after
        return text, image

    def loss(self):
        w, batch = self.weights, self.batch
        text, image = self.forward()
        n = rms_norm(text, w["language.norm"].shape, w["language.norm"], EPS)
        logits = linear(n, torch.cat([w["language.embed"], w["text.added.head"]])).flatten(0, 1)
        surprise = cross_entropy(logits, batch["text.logits.target"].long().flatten(), reduction="none")
        n = rms_norm(image, w["vision.ends.norm"].shape, w["vision.ends.norm"], EPS)
        velocity = linear(n, w["vision.ends.patch_out"], w["vision.ends.patch_out_bias"])
        squares = (velocity - batch["image.patch.velocity.target"]).square().mean(-1)
        return 0.2 * (surprise * batch["text.logits.weight"].flatten()).sum() + (
            squares * batch["image.patch.velocity.weight"]
        ).sum()

    def step(self) -> dict:
        since, worked = time.perf_counter(), time.process_time()
        loss = self.loss()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings["limit"])
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.model)
        costs = dict(loss=loss.item(), norm=norm.item())
        return costs | dict(ms=1000 * (time.perf_counter() - since), cpu=1000 * (time.process_time() - worked))


def main() -> None:
    given = json.loads(sys.stdin.readline())
    torch.set_num_threads(given["settings"]["threads"])
    weights, batch = ({name: tensor(x) for name, x in given[part].items()} for part in ("weights", "batch"))
    ways = {way: Trainer(way, weights, given["trained"], batch, given["settings"]) for way in ("whole", "needed")}
    print(json.dumps(dict(torch=torch.__version__, ways=list(ways))), flush=True)
    for line in sys.stdin:
        print(json.dumps(ways[json.loads(line)["step"]].step()), flush=True)


if __name__ == "__main__":
    main()
