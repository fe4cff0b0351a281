// What sequences, masks and noise are made with. The functions are those of the compiler's table of functions that are no
// functions on rows; operators and arms are of the grammar.
import { match, table } from "./table.mjs";

const SEQUENCES = [
  [[], "`l(h)`", "block `l` on every row of `h`; its rows see those of `h` that the mask allows"],
  [[], "`h[text, image.open]`, `a \\| b`", "some kinds; both of two sequences without common kinds"],
  [["select"], "`select { A: a, B: b }`", "`a[A] \\| b[B]`"],
  [
    ["joint"],
    "`joint { A: a(h), B: b(h) }`",
    "each block on its own rows only, all in one attention; needs equal `kv_heads` and head width",
  ],
  [["sees"], "`l(h) sees text`", "this call sees only those"],
  [[], "`f(h)`, `a + b`, `gamma * a`", "done to each row"],
  [["chain"], "`chain(a, b)(h)`", "b(a(h))"],
  [
    ["held"],
    "`held(group, own?)(h)`",
    "rows of other kinds enter every block of the group as they came; `own` are the others",
  ],
  [["spread"], "`spread(list, n)`", "a list of layers as n groups, used as `held`"],
  [
    ["copy"],
    "`copy(of, share?)`",
    "layers made anew with another tower's values; `share` names weights that stay the other's",
  ],
];
const WORDS = ["select", "joint", "sees"];
/** Functions of which the text of the page speaks, by name. */
const ELSEWHERE = [
  "share",
  "normal",
  "within",
  "flow",
  "ddpm",
  "llama3",
  "logit_normal",
  "uniform",
  "next_token",
  "denoise",
];

/** `page`: its text, in which the functions that are not in the table must be named. */
export const sequenceTable = (specials, page) => {
  const functions = SEQUENCES.flatMap(([names]) => names).filter((name) => !WORDS.includes(name));
  match("function", [...functions, ...ELSEWHERE], specials.keys());
  match(
    "function",
    ELSEWHERE.filter((name) => page.includes(`\`${name}(`)),
    ELSEWHERE,
  );
  return table(
    ["expression", "means"],
    SEQUENCES.map(([, example, meaning]) => [example, meaning]),
  );
};
