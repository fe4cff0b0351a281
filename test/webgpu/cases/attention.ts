// Attention over one to three streams of keys: computed, of past rows, masked in part or altogether.
import type { Dim } from "../../../compiler/ir/dim.ts";
import type { Node } from "../../../compiler/ir/node.ts";
import type { Case, Making } from "../draw.ts";
import { B, P, pairs, T } from "./sizes.ts";

interface Heads {
  readonly title: string;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly d?: number;
  readonly e?: number;
  readonly softcap?: number;
  /** that a query sees a key; all of them if left out */
  readonly chance?: number;
  readonly oneMask?: boolean;
  readonly streams?: readonly Dim[];
  readonly dims?: Case["dims"];
  /** the template that must do it: heads of whole vec4s have one, others are expanded */
  readonly through?: string;
  /** scores of this size */
  readonly size?: number;
}
const attention = ({
  title,
  heads = 4,
  kvHeads = heads,
  d = 8,
  e = d,
  softcap,
  chance,
  oneMask = false,
  streams = [P],
  dims = pairs,
  through = "attention",
  size = 1,
}: Heads): Case => ({
  title,
  dims,
  through: [through],
  build: ({ g, f32, bool }: Making) => {
    const q = f32("q", [B, T, heads * d], -size, size);
    const keys = streams.flatMap((count, i) => [
      f32(`k${i}`, [B, count, kvHeads * d]),
      f32(`v${i}`, [B, count, kvHeads * e]),
      bool(`mask${i}`, [oneMask ? 1 : B, 1, T, count], chance ?? 1),
    ]);
    return g.op("attention", [q, ...keys], {
      heads,
      kvHeads,
      scale: d ** -0.5,
      softcap,
      covered: chance === undefined,
    });
  },
});

/** `[batch, heads, room, width]`, as caches are kept, of which `used` rows count */
const cached = (make: Making, name: string, room: Dim, heads: number, width: number): Node => {
  const { g, cache } = make;
  const turned = g.op("transpose", [cache(name, [B, heads, room, width])], { perm: [0, 2, 1, 3] });
  return g.op("merge", [turned], { axis: 2 });
};
const decoding = (title: string, d: number, e: number, through: string, interleaved = false): Case => ({
  title,
  kind: "decode",
  dims: [
    { batch: 1, text: 1, past: 1 },
    { batch: 2, text: 1, past: 7 },
    { batch: 3, text: 2, past: 300 },
  ],
  through: [through],
  build: (make) => {
    const { g, f32, i32, weight, bool } = make;
    const past: Dim = { key: "past", terms: [{ coefficient: 1, names: ["past"] }] };
    const table = (part: "cos" | "sin"): Node =>
      g.op("table", [], { table: { kind: "rotary", rows: 40, dim: d, theta: 100, part } });
    const x = g.op("rmsNorm", [f32("x", [B, T, 12]), weight("n", [12])], { eps: 1e-5 });
    const position = i32("position", [B, T], 40);
    const turned = (name: string, heads: number): Node =>
      g.op("rotary", [g.op("linear", [x, weight(name, [heads * d, 12])]), table("cos"), table("sin"), position], {
        heads,
        interleaved,
      });
    const [q, k] = [turned("q", 4), turned("k", 2)];
    const v = g.op("linear", [x, weight("v", [2 * e, 12])]);
    const seen = bool("seen", [B, 1, T, past], 0.7);
    const own = bool("own", [B, 1, T, T], 1);
    const old = [cached(make, "c.k", past, 2, d), cached(make, "c.v", past, 2, e)];
    const y = g.op("attention", [q, ...old, seen, k, v, own], {
      heads: 4,
      kvHeads: 2,
      scale: d ** -0.5,
      softcap: undefined,
      covered: true,
    });
    const heads = (of: Node, width: number): Node =>
      g.op("transpose", [g.op("split", [of], { axis: 2, sizes: [2, width] })], { perm: [0, 2, 1, 3] });
    const out = g.op("linear", [y, weight("o", [12, 4 * e])]);
    return [g.op("add", [f32("h", [B, T, 12]), out]), heads(k, d), heads(v, e)];
  },
});

const one = [{ batch: 2, text: 1, "image.patch": 1 }];
const parts = [{ batch: 2, text: 1, "image.patch": 1031 }];
const wide = [{ batch: 1, text: 2, "image.patch": 131 }];
const long = [
  { batch: 1, text: 1, "image.patch": 1031 },
  { batch: 1, text: 67, "image.patch": 129 },
];

export const attentions: readonly Case[] = [
  attention({ title: "single heads" }),
  attention({ title: "grouped heads", heads: 6, kvHeads: 2 }),
  attention({ title: "one key head, fewer keys seen", heads: 5, kvHeads: 1, d: 4, chance: 0.5 }),
  attention({ title: "some rows see nothing", d: 4, chance: 0.25, oneMask: true }),
  attention({ title: "no row sees anything", d: 4, chance: 0 }),
  attention({ title: "two streams, some rows see nothing", streams: [P, T], chance: 0.2 }),
  attention({ title: "three streams with a softcap", kvHeads: 2, streams: [2, P, T], softcap: 0.7, chance: 0.4 }),
  attention({ title: "values wider than keys", d: 4, e: 20 }),
  attention({ title: "keys wider than values", d: 20, e: 4, heads: 3 }),
  attention({ title: "large scores", size: 300, heads: 2 }),
  attention({ title: "large scores under a softcap", size: 300, heads: 2, softcap: 30 }),
  attention({ title: "one query and one key", dims: one, d: 64, heads: 1 }),
  attention({ title: "many keys", dims: long, kvHeads: 1, d: 16, chance: 0.9 }),
  attention({ title: "many keys of three streams", dims: parts, streams: [P, T, 3], e: 12, softcap: 2, chance: 0.3 }),
  attention({ title: "many keys that no row sees", dims: parts, kvHeads: 2, d: 4, chance: 0 }),
  {
    ...attention({ title: "wide heads", dims: wide, heads: 2, kvHeads: 1, d: 128, e: 256, chance: 0.8 }),
    kind: "decode",
  },
  attention({ title: "heads of 6, expanded", d: 6, kvHeads: 2, chance: 0.3, through: "product" }),
  attention({ title: "heads of 5 and values of 3, expanded", d: 5, e: 3, streams: [P, T], through: "product" }),
  attention({ title: "heads of 1 with a softcap, expanded", d: 1, softcap: 2, chance: 0.5, through: "product" }),
  decoding("past rows and new ones", 8, 8, "attention"),
  decoding("past rows, values wider than keys", 4, 12, "attention"),
  decoding("past rows with interleaved pairs", 8, 8, "attention", true),
  decoding("past rows with heads of 6, expanded", 6, 6, "product"),
];
