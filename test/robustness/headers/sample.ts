// The safetensors file of a number: a sound one, written in one of many ways, and then mostly changed: its tokens, its
// numbers, its members, its bytes, the length that it claims.
import { Random } from "../../ir/random.ts";
import { dtypes } from "./sound.ts";

const NAMES = (
  "a b w layers.0.q model.embed_tokens.weight __proto__ constructor toString __metadata__x é 層 \u{1f600} a.b a/b ../a " +
  "dtype shape data_offsets then 0 -1 length"
).split(" ");
const NUMBERS = (
  "0 1 2 3 4 7 8 9 16 255 256 65535 65536 2147483647 2147483648 4294967295 4294967296 9007199254740991 " +
  "9007199254740992 9007199254740993 18446744073709551615 18446744073709551616 -0 -1 -4 1.0 1e0 1E2 0.5 1e400 -1e400 " +
  "01 00 0x4 +1 NaN Infinity 1_0"
).split(" ");
const WORDS = (
  '{ } [ ] : , " null true false {} [] [0] [[]] "" "F32" "F33" "dtype" "shape" "data_offsets" "__metadata__" ' +
  '"__proto__" \'a\' // /**/ \\u0061 "\\u0061" "\\x" "\\'
).split(" ");
const BYTES = [0, 0x09, 0x0a, 0x20, 0x22, 0x2c, 0x30, 0x39, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xff];
const ITEM = (dtype: string): number => (/64/.test(dtype) ? 8 : /32/.test(dtype) ? 4 : /16/.test(dtype) ? 2 : 1);

interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}
type Tokens = string[];

const layout = (dice: Random): Entry[] => {
  let at = 0;
  const names = new Set(Array.from({ length: dice.below(6) }, () => dice.pick(NAMES) + (dice.below(3) || "")));
  return [...names].map((name) => {
    const dtype = dice.pick(dtypes);
    const shape = Array.from(
      { length: dice.below(dice.below(8) ? 4 : 9) },
      () => (dice.below(9) ? 1 : 0) + dice.below(3),
    );
    const begin = at;
    at += shape.reduce((all, size) => all * size, ITEM(dtype));
    return { name, dtype, shape, begin, end: at };
  });
};

/** A name as JSON, some of its characters as escapes. */
const quoted = (dice: Random, text: string): string =>
  dice.below(4)
    ? JSON.stringify(text)
    : `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`;

const shuffled = <T>(dice: Random, items: readonly T[]): T[] => {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = dice.below(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
};
const joined = (members: readonly Tokens[]): Tokens => members.flatMap((member, i) => (i ? [",", ...member] : member));

const entryTokens = (dice: Random, { name, dtype, shape, begin, end }: Entry): Tokens => {
  const list = (numbers: readonly number[]): Tokens => ["[", ...joined(numbers.map((n) => [String(n)])), "]"];
  const fields = [
    ['"dtype"', ":", JSON.stringify(dtype)],
    ['"shape"', ":", ...list(shape)],
    ['"data_offsets"', ":", ...list([begin, end])],
  ];
  return [quoted(dice, name), ":", "{", ...joined(dice.below(3) ? fields : shuffled(dice, fields)), "}"];
};

/** `again`: one member stands twice. */
const headerTokens = (dice: Random, entries: readonly Entry[], again: boolean): Tokens => {
  const members = entries.map((entry) => entryTokens(dice, entry));
  if (dice.below(3) === 0) {
    const pairs = [...new Set([dice.pick(NAMES), dice.pick(NAMES)])].map((key) => [quoted(dice, key), ":", '"x"']);
    members.push(['"__metadata__"', ":", "{", ...joined(pairs), "}"]);
  }
  if (again && members.length > 0) members.push(dice.below(2) ? dice.pick(members) : members.at(-1)!);
  return ["{", ...joined(dice.below(2) ? members : shuffled(dice, members)), "}"];
};

const numberAt = (dice: Random, tokens: Tokens): number | undefined => {
  const at = tokens.flatMap((token, i) => (/^\d/.test(token) ? [i] : []));
  return at.length > 0 ? dice.pick(at) : undefined;
};

/** Changes of what the entries say, before it is written. */
const entryChanges: readonly ((dice: Random, entries: Entry[]) => void)[] = [
  (dice, entries) => void (dice.pick(entries).dtype = dice.pick([...dtypes, "F33", "f32", "toString", ""])),
  (dice, entries) => dice.pick(entries).shape.push(dice.below(4)),
  (dice, entries) => void dice.pick(entries).shape.pop(),
  (dice, entries) => dice.pick(entries).shape.push(...Array.from({ length: dice.below(10) }, () => 1)),
  (dice, entries) => dice.pick(entries).shape.reverse(),
  (dice, entries) => void (dice.pick(entries).begin += dice.below(9) - 4),
  (dice, entries) => void (dice.pick(entries).end += dice.below(9) - 4),
  (dice, entries) => {
    const by = dice.below(17) - 8;
    const entry = dice.pick(entries);
    entry.begin += by;
    entry.end += by;
  },
  (dice, entries) =>
    void Object.assign(dice.pick(entries), { begin: dice.pick(entries).begin, end: dice.pick(entries).end }),
  (dice, entries) => {
    const [a, b] = [dice.pick(entries), dice.pick(entries)];
    [a.begin, a.end, b.begin, b.end] = [b.begin, b.end, a.begin, a.end];
  },
  (dice, entries) => void (dice.pick(entries).name = dice.pick(entries).name),
  (dice, entries) => void (dice.pick(entries).name = dice.pick(["__metadata__", "", "\u0000", "\ud800"])),
  (dice, entries) => void entries.push({ ...dice.pick(entries) }),
  (dice, entries) => void entries.splice(dice.below(entries.length), 1),
];

const tokenChanges: readonly ((dice: Random, tokens: Tokens) => void)[] = [
  (dice, tokens) => {
    const at = numberAt(dice, tokens);
    if (at !== undefined) tokens[at] = dice.pick(NUMBERS);
  },
  (dice, tokens) => {
    const at = numberAt(dice, tokens);
    if (at !== undefined) tokens[at] = String(Number(tokens[at]) + dice.pick([-8, -4, -1, 1, 4, 8, 2 ** 31, 2 ** 53]));
  },
  (dice, tokens) => void tokens.splice(dice.below(tokens.length), 1),
  (dice, tokens) => void tokens.splice(dice.below(tokens.length), 0, dice.pick(WORDS)),
  (dice, tokens) => void (tokens[dice.below(tokens.length)] = dice.pick(WORDS)),
  (dice, tokens) => {
    const [a, b] = [dice.below(tokens.length), dice.below(tokens.length)];
    [tokens[a], tokens[b]] = [tokens[b]!, tokens[a]!];
  },
  (dice, tokens) => {
    const from = dice.below(tokens.length);
    tokens.splice(dice.below(tokens.length), 0, ...tokens.slice(from, from + dice.below(20)));
  },
  (dice, tokens) => void tokens.splice(dice.below(tokens.length), 1 + dice.below(12)),
  (dice, tokens) => {
    const depth = dice.below(100);
    tokens[dice.below(tokens.length)] = "[".repeat(depth) + "]".repeat(depth);
  },
  (dice, tokens) => void (tokens.length = Math.max(1, dice.below(tokens.length))),
];

const SPACES = [" ", "\n", "\t", "\r", "  "];
const written = (dice: Random, tokens: Tokens): string => {
  if (dice.below(3)) return tokens.join("");
  const spaced = tokens.map((token, i) => (i > 0 && dice.below(4) === 0 ? dice.pick(SPACES) + token : token));
  return spaced.join("") + " ".repeat(dice.below(64));
};

const assembled = (header: Uint8Array, data: number, claimed = BigInt(header.length)): Uint8Array => {
  const bytes = new Uint8Array(8 + header.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, claimed), true);
  bytes.set(header, 8);
  for (let i = 8 + header.length; i < bytes.length; i++) bytes[i] = i;
  return bytes;
};

const byteChanges: readonly ((dice: Random, header: Uint8Array, data: number) => Uint8Array)[] = [
  (dice, header, data) => {
    for (let n = dice.below(4); n >= 0; n--) header[dice.below(header.length)] = dice.pick(BYTES);
    return assembled(header, data);
  },
  (dice, header, data) => {
    for (let n = dice.below(4); n >= 0; n--) header[dice.below(header.length)]! ^= 1 << dice.below(8);
    return assembled(header, data);
  },
  (dice, header, data) => assembled(header, data, BigInt(header.length + dice.below(17) - 8)),
  (dice, header, data) => {
    const claims = [0n, 1n, 2n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 8n];
    return assembled(header, data, dice.pick(claims));
  },
  (dice, header, data) => {
    const whole = assembled(header, data);
    return whole.subarray(0, dice.below(whole.length));
  },
  (dice, header, data) => assembled(header, Math.max(0, data + dice.below(17) - 8)),
  (dice, header, data) => {
    const whole = assembled(header, data);
    for (let n = dice.below(6); n >= 0; n--) whole[dice.below(whole.length)] = dice.below(256);
    return whole;
  },
];

/** The file of sample `n` of a seed, and whether it was left sound. */
export const headerSample = (seed: number, n: number): { readonly bytes: Uint8Array; readonly untouched: boolean } => {
  const dice = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n, 0x85ebca77) ^ Math.floor(n / 2 ** 32));
  dice.next();
  const entries = layout(dice);
  const data = entries.at(-1)?.end ?? 0;
  const untouched = dice.below(8) === 0;
  const times = (): number => (untouched || dice.below(5) < 3 ? 0 : 1 + dice.below(2));
  for (let left = times(); left > 0 && entries.length > 0; left--) dice.pick(entryChanges)(dice, entries);
  const tokens = headerTokens(dice, entries, times() > 0 && dice.below(8) === 0);
  for (let left = times(); left > 0 && tokens.length > 0; left--) dice.pick(tokenChanges)(dice, tokens);
  const header = new TextEncoder().encode(written(dice, tokens));
  const bytes =
    times() === 0 || header.length === 0 ? assembled(header, data) : dice.pick(byteChanges)(dice, header, data);
  return { bytes, untouched };
};
