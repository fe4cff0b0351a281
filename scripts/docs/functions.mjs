// The functions on rows: names, parameters and defaults are those of the compiler's own table, and what each gives is said
// here. Functions that say the same share a row.
import { match, table } from "./table.mjs";

const MEANINGS = [
  [["exp", "log", "sqrt", "tanh", "sigmoid", "relu", "silu"], "each number by itself"],
  [["gelu", "gelu_tanh"], "GELU with erf; its approximation by tanh"],
  [["min", "max"], "the smaller, the larger"],
  [["softmax", "sum", "mean"], "over the last axis"],
  [["cosine"], "of the angle between two vectors: x y / max(|x| |y|, 1e-8)"],
  [["rms_norm"], "x / sqrt(mean(x^2) + eps), times the weight"],
  [["layer_norm"], "with mean and variance taken out; the variance is that of the population"],
  [["linear"], "w x + bias; w is [out, in]"],
  [["split", "merge"], "[heads * d] to [heads, d], and back"],
  [["chunk"], "a list of equal pieces of the last axis"],
  [["concat"], "joined along the last axis"],
  [["reorder"], 'numbers laid out as `"p q c"` laid out as `"c p q"`; sizes by letter: `p: 4, q: 4, c: 3`'],
  [
    ["sinusoid"],
    "features of a number: angles t * scale * period^(-k / divisor), k below dim / 2; the divisor is dim / 2 if left out",
  ],
  [["coordinates"], "the same of `row`, `col` or `index`, below `limit`; sines first"],
  [["rotary"], 'heads turned by their row\'s position; `"pairs"` turns neighbours'],
  [
    ["attend"],
    "in a block: attention over the rows that the mask lets be seen; q [heads, d], k [kv, d], v [kv, e]; `heads` is a multiple of `kv`; the scale is 1 / sqrt(d) if left out",
  ],
  [["stop_gradient"], "x, through which nothing is trained"],
];

const shownValue = (value) => {
  if (typeof value === "string") return JSON.stringify(value);
  return value >= 10_000
    ? String(value).replace(/\B(?=(\d{3})+$)/g, "_")
    : value < 1e-3
      ? value.toExponential()
      : String(value);
};
const shown = ({ name, optional, value }) =>
  optional ? `${name}?` : value === undefined ? name : `${name} = ${shownValue(value)}`;

export const functionTable = (builtins) => {
  match(
    "function on rows",
    MEANINGS.flatMap(([names]) => names),
    Object.keys(builtins),
  );
  const signature = (name) => `\`${name}(${builtins[name].parameters.map(shown).join(", ")})\``;
  return table(
    ["function", "gives"],
    MEANINGS.map(([names, meaning]) => [names.map(signature).join(", "), meaning]),
  );
};
