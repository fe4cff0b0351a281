// The mutation of a number: the same on every machine, whatever was made before it, so that any range can be repeated.
import { Random } from "../../ir/random.ts";
import { pooled } from "./texts.ts";

const TOKEN = /"[^"\n]*"|\w+|->|<-|\*\*|\.\.|\s+|./gsu;
const split = (text: string): readonly string[] => text.match(TOKEN) ?? [];
const tokens = new Map(pooled.flat().map((text) => [text, split(text)]));

const NUMBERS = (
  "0 -1 1 2 3 7 8 31 1025 65536 2147483647 2147483648 4294967296 9007199254740991 9007199254740993 1e300 1e-300 " +
  "1e999 0.5 -0 00 0x10 1_1 1__0"
).split(" ");
const STRANGE = (
  '__proto__ constructor toString hasOwnProperty valueOf prototype then length h none true clean t l x i c NaN ( ) [ ] { } , : . = + - * / | -> <- .. ** ~ ? // /// " "" \\ ; # \' @ and or ' +
  "not is in if sees before with given drawn after select joint spread import model tower block part weight modality " +
  "group input let freeze train embed layers mask position noise head loss forward checkpoint span grid tokens rows " +
  "causal within running linear attend split merge chunk concat rotary rms_norm layer_norm softmax silu tanh sum mean " +
  "reshape permute transpose sinusoid coordinates lookup require zeros ones identity normal copy number per"
)
  .split(" ")
  .concat(NUMBERS);
const CHARACTERS = [
  "\u0000",
  "\ufeff",
  "\u202e",
  "é",
  "\u{1f600}",
  "\ud800",
  "\r",
  "\t",
  "\n",
  " ",
  '"',
  "\\",
  "«",
  "·",
];

type Pieces = string[];
type Change = (dice: Dice, pieces: Pieces) => void;

class Dice extends Random {
  /** an index of a piece that is no white space, or any */
  solid(pieces: Pieces): number {
    for (let tries = 0; tries < 8; tries++) {
      const at = this.below(pieces.length);
      if (pieces[at]!.trim() !== "") return at;
    }
    return this.below(pieces.length);
  }
  /** an index of a piece that matches, or any */
  like(pieces: Pieces, pattern: RegExp): number {
    for (let tries = 0; tries < 24; tries++) {
      const at = this.below(pieces.length);
      if (pattern.test(pieces[at]!)) return at;
    }
    return this.solid(pieces);
  }
}
const NAME = /^[A-Za-z_]/;
const NUMBER = /^\d/;

/** A name by another name, or a number by another number: most of these parse. */
const rename: Change = (dice, pieces) => {
  const pattern = dice.below(4) === 0 ? NUMBER : NAME;
  pieces[dice.like(pieces, pattern)] = pieces[dice.like(pieces, pattern)]!;
};
/** The largest depth that is allowed takes a thousand times as long as others, so it is rare. */
const number: Change = (dice, pieces) => {
  pieces[dice.like(pieces, NUMBER)] = dice.below(500) ? dice.pick(NUMBERS) : "1024";
};
/** Every place of a name: what stays right may be compiled. */
const everywhere: Change = (dice, pieces) => {
  const from = pieces[dice.like(pieces, NAME)]!;
  const to = dice.below(3) ? `${from}${dice.below(10)}` : dice.pick(STRANGE.slice(0, 17));
  pieces.forEach((piece, i) => {
    if (piece === from) pieces[i] = to;
  });
};
const spacing: Change = (dice, pieces) => {
  pieces[dice.like(pieces, /^\s/)] = dice.pick(["\n", "  ", "\t", "\r\n", " // note\n", "\n/// doc\n", "\n\n\n", ""]);
};
const drop: Change = (dice, pieces) => {
  pieces[dice.solid(pieces)] = "";
};
const double: Change = (dice, pieces) => {
  const at = dice.solid(pieces);
  pieces[at] = `${pieces[at]} ${pieces[at]}`;
};
const swap: Change = (dice, pieces) => {
  const [a, b] = [dice.solid(pieces), dice.solid(pieces)];
  [pieces[a], pieces[b]] = [pieces[b]!, pieces[a]!];
};
const replace: Change = (dice, pieces) => {
  pieces[dice.solid(pieces)] = pieces[dice.solid(pieces)]!;
};
const strange: Change = (dice, pieces) => {
  const at = dice.solid(pieces);
  pieces[at] = dice.below(2) ? dice.pick(STRANGE) : `${pieces[at]} ${dice.pick(STRANGE)} `;
};
const character: Change = (dice, pieces) => {
  const at = dice.solid(pieces);
  const piece = pieces[at]!;
  const from = dice.below(piece.length + 1);
  const put = dice.below(3) ? dice.pick(CHARACTERS) : String.fromCharCode(dice.below(128));
  pieces[at] = piece.slice(0, from) + (dice.below(3) ? put : "") + piece.slice(from + dice.below(2));
};
const remove: Change = (dice, pieces) => {
  pieces.splice(dice.below(pieces.length), 1 + dice.below(12));
};
/** Tokens of this text or of another, put anywhere. */
const graft: Change = (dice, pieces) => {
  const from = dice.below(2) ? pieces : tokens.get(dice.pick(dice.pick(pooled)))!;
  const start = dice.below(from.length);
  pieces.splice(dice.below(pieces.length), dice.below(3), ...from.slice(start, start + 1 + dice.below(24)));
};
/** A whole line twice, gone, or elsewhere. */
const line: Change = (dice, pieces) => {
  const lines = pieces.join("").split("\n");
  const at = dice.below(lines.length);
  const [taken = ""] = dice.below(2) ? lines.splice(at, 1) : [lines[at]!];
  if (dice.below(3)) lines.splice(dice.below(lines.length + 1), 0, taken);
  pieces.splice(0, pieces.length, ...split(lines.join("\n")));
};
const nest: Change = (dice, pieces) => {
  const at = dice.solid(pieces);
  const depth = dice.below(16) ? 1 + dice.below(4) : dice.below(200);
  const [open, close] = dice.pick(["()", "[]", "{}"]);
  pieces[at] = open!.repeat(depth) + pieces[at]! + close!.repeat(depth);
};
const cut: Change = (dice, pieces) => {
  pieces.length = Math.max(1, dice.below(pieces.length));
};

const CHANGES: readonly (readonly [times: number, change: Change])[] = [
  [8, rename],
  [3, number],
  [2, drop],
  [2, double],
  [2, swap],
  [3, replace],
  [4, strange],
  [2, character],
  [2, remove],
  [3, graft],
  [2, line],
  [2, everywhere],
  [2, spacing],
  [1, nest],
  [1, cut],
];
const changes = CHANGES.flatMap(([times, change]) => Array.from({ length: times }, () => change));
/** What a person who edits a text does: most of these parse, and reach the analysis. */
const gentle = [rename, rename, rename, number, number, everywhere, everywhere, spacing, line, graft];

/** The text of mutation `n` of a seed: one to three changes, half of them gentle; sometimes a dozen. */
export const mutant = (seed: number, n: number): string => {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n, 0x85ebca77) ^ Math.floor(n / 2 ** 32));
  dice.next();
  const pieces = [...tokens.get(dice.pick(dice.pick(pooled)))!];
  const from = dice.below(2) ? gentle : changes;
  for (let left = dice.below(32) ? 1 + dice.below(3) : 12; left > 0; left--) {
    if (pieces.length === 0) pieces.push(" ");
    dice.pick(from)(dice, pieces);
  }
  return pieces.join("");
};
