// Declarations, items and statements: which there are, the rules of the grammar say; what each means is said here, by the
// rule that it is of.
import { alternatives } from "./ebnf.mjs";
import { match, table } from "./table.mjs";

const DECLARATIONS = [
  [["template"], "`part Name(parameters) { ... }`", "weights and functions"],
  [["template"], "`block Name(parameters) { ... }`", "a part whose `forward` maps rows to rows, and may attend"],
  [
    ["template"],
    "`tower Name(parameters) { ... }`",
    "a part with `layers`, and functions by which rows enter and leave",
  ],
  [["contract"], "`contract Name { ... }`", "the members that a slot asks of a tower or part"],
  [["model"], "`model Name(parameters) { ... }`", "towers joined over a sequence"],
  [
    ["template", "model"],
    "`tower Name = Template(...)`, `model Name = Model(...)`",
    "a template with its parameters given",
  ],
];

const ITEMS = [
  [["constant"], "`D = of.D`", "a constant"],
  [
    ["weight"],
    "`weight w: [out, in] = init`",
    "a weight; several may share one `weight`; `if condition` after it makes it optional",
  ],
  [["part"], "`part name = Template(...)`", "a part inside"],
  [["layersItem"], "`layers: Block(...) * L`", "a tower's blocks; lists are joined by `+`, repeated by `*`"],
  [
    ["function"],
    "`name(x: [D], c?: [C]) -> [E] { ... }`",
    "a function of one row; `forward` is what `name(x)` of an instance means",
  ],
  [["constant"], "`noise = flow(...)`", "a constant that is a noise process"],
  [["require"], '`require(a, b, "message")`', "two sizes that must be equal"],
  [["checkpoint"], "`checkpoint name { ... }`", "where weights lie in files"],
];

const STATEMENTS = [
  [
    ["modality"],
    '`modality text = tokens(vocab: language.vocab, add: ["<boi>"])`',
    "single tokens; `add` names trained ones after the tower's own",
  ],
  [
    ["modality"],
    '`modality image = span { open: text "<boi>", patch: grid(8, 8, of: 48, order: "p q c", channels: 3) }`',
    "spans of markers and a grid of rows; `order` and `channels` say how a row holds its pixels",
  ],
  [["group"], "`group und = text, image.open`", "a name for several kinds"],
  [
    ["inputStatement"],
    "`input t: number per image`",
    "a value of each call; also `index(n)`, `[shape]`; `per document`, per modality or kind",
  ],
  [["binding", "weight", "part"], "`let c = e`, `weight w = 0`, `part p = Template(...)`", "as in a tower"],
  [
    ["freeze"],
    "`freeze language.**`, `train vision.**, fuse.**`",
    "every weight is one or the other; `*` is one step of a path, `**` any",
  ],
  [["embed"], "`embed text(id) = language.enter(id)`", "how rows of a kind enter; markers enter as their tokens do"],
  [
    ["loop"],
    "`layers fuse l in language.layers, v in vision.layers { ... }`",
    "one round for each pair of layers; weights inside are `fuse[3].gamma`",
  ],
  [["mask"], "`mask = causal or within(image.patch)`", "who sees whom"],
  [["position"], "`position = running(limit: 8192)`", "positions 0, 1, ...; the limit may be left out"],
  [
    ["noise"],
    "`noise image = vision.noise { given: t = clean  drawn: t ~ logit_normal(0, 1)  after: given }`",
    "how spans are noised, by which input; what later rows see of a drawn one: it read clean, its `last` step, or nothing ([rows.md](rows.md))",
  ],
  [
    ["head"],
    "`head text = next_token(language.logits(h))`, `head image = denoise(vision.leave(h))`",
    "what is predicted",
  ],
  [
    ["guide"],
    "`guide text = without(text before image)`, `guide text = hide(text before image)`, `guide label = replace(label: 10)`",
    "what guidance pushes a drawn image away from: a document without those tokens; the same one, in which the image does not see them; another value of an input",
  ],
  [
    ["loss"],
    "`loss = 0.2 * text + image + 0.5 * align`, `loss align = 1 - cosine(linear(fuse[7].seen, w), feature)`",
    "what training makes small: losses of heads, and means over rows of numbers that have a name; the sum of all heads without it",
  ],
];
/** What the page speaks of elsewhere: sessions, and what does not run yet. */
const ELSEWHERE = ["session", "later"];

const tableOf = (head, rule, rows, productions, elsewhere = []) => {
  match(rule, [...rows.flatMap(([of]) => of), ...elsewhere], alternatives(productions, rule));
  return table(
    head,
    rows.map(([, example, meaning]) => [example, meaning]),
  );
};
export const declarationTable = (productions) =>
  tableOf(["declaration", "is"], "declaration", DECLARATIONS, productions);
export const itemTable = (productions) => tableOf(["item", "means"], "item", ITEMS, productions);
export const statementTable = (productions) =>
  tableOf(["statement", "means"], "statement", STATEMENTS, productions, ELSEWHERE);
