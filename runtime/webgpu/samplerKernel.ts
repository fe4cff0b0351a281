// The kernel that draws ids from logits, in whole numbers alone: WGSL lets an implementation round a sum of f32 either way,
// so logits are taken as bits. What it computes is defined in docs/generation.md, "Sampling tokens", and is the same in
// runtime/generate/scores.ts and sampling.ts.
import { FOLLOW, NONE, NUMBERS, ROW, UNDEFINED } from "./samplerWords.ts";
import { WHOLE_NUMBERS } from "./wholeNumbers.ts";

/** What a kernel is written for: what a setting has no need of is left out. */
export interface SamplerForm {
  /** in the workgroup of each row; a multiple of 16 */
  readonly invocations: number;
  readonly greedy: boolean;
  readonly topK: boolean;
  readonly topP: boolean;
  readonly penalizes: boolean;
}

/** A word of the row that a workgroup computes. */
const rowWord = (name: (typeof ROW)[number]): string =>
  `given[numbers.rowsAt + ${ROW.length}u * row + ${ROW.indexOf(name)}u]`;

export const samplerKernel = ({
  invocations,
  greedy,
  topK,
  topP,
  penalizes,
}: SamplerForm): string => `// Draws one id for each row of logits; a workgroup computes a row.
//
// A first pass keeps a key of each score, and finds the largest. Top-k and top-p each find the lowest score that stays,
// digit by digit from the highest: four passes, which sum in each of 256 bins what the ids with that digit amount to. A
// last one sums the weights of consecutive ids in each invocation, finds the invocation in whose sum the random number
// lies, and does the same with the ids of that one until one is left. Sums are of whole numbers: their order is no matter.
struct Numbers {
  ${NUMBERS.map((name) => `${name}: ${name === "shift" ? "i32" : "u32"}`).join(",\n  ")},
}
@group(0) @binding(0) var<uniform> numbers: Numbers;
// 2^30 * 2^(-i / 256), four in a vector.
@group(0) @binding(1) var<uniform> powers: array<vec4<u32>, 65>;
@group(0) @binding(2) var<storage, read> logits: array<u32>;
// For each row a bit for each id that may be drawn; then the rows, the numbers that follow ids, and recent ids.
@group(0) @binding(3) var<storage, read> given: array<u32>;
// In the order of scores, for each row: 0 for ids that are not drawn, and the largest number for what is no score.
@group(0) @binding(4) var<storage, read_write> keys: array<u32>;
// Numbers that follow ids, each in a vector of four; then the ids that were drawn, as many for each row as there are steps.
@group(0) @binding(5) var<storage, read_write> ids: array<u32>;

const SIZE = ${invocations}u;
// Weights from here on are 0: 2^30 * 2^-31.
const LAST = 30u;

var<workgroup> power: array<u32, 257>;
var<workgroup> best: atomic<u32>;
var<workgroup> lowest: atomic<u32>;
// Keys below it weigh nothing.
var<workgroup> near: u32;
// The edge of what stays: keys above it, and so many ids that have it.
var<workgroup> edge: u32;
var<workgroup> ties: u32;
var<workgroup> prefix: u32;
var<workgroup> above: vec2<u32>;
var<workgroup> need: vec2<u32>;
// Sums of 64 bits of each digit, the lower words first.
var<workgroup> bins: array<atomic<u32>, 512>;
// Of each invocation: the weights above the edge, and how many ids have its key.
var<workgroup> sums: array<vec2<u32>, SIZE>;
var<workgroup> tied: array<u32, SIZE>;
var<workgroup> start: u32;
var<workgroup> left: vec2<u32>;
var<workgroup> tiesLeft: u32;

${WHOLE_NUMBERS}// The bits of a logit times a factor, cut to 24 bits.
fn penalized(bits: u32) -> u32 {
  let sign = bits & 0x80000000u;
  let exponent = (bits >> 23u) & 255u;
  let factor = select(numbers.factorAbove, numbers.factorOther, sign != 0u);
  let product = wide((bits & 0x7fffffu) | 0x800000u, (factor & 0x7fffffu) | 0x800000u);
  let leading = (product.y << 9u) | (product.x >> 23u);
  let carry = leading >> 24u;
  let result = i32(exponent + ((factor >> 23u) & 255u) + carry) - 127;
  if (exponent == 0u || result <= 0) { return 0u; }
  if (result >= 255) { return sign | 0x7f7fffffu; }
  return sign | (u32(result) << 23u) | ((leading >> carry) & 0x7fffffu);
}
fn keyOf(logit: u32, isRecent: bool) -> u32 {
  if (logit == 0xff800000u) { return 0u; }
  if ((logit & 0x7f800000u) == 0x7f800000u) { return 0xffffffffu; }
  var bits = logit;
  if (isRecent) { bits = penalized(bits); }
  if ((bits & 0x7fffffffu) == 0u) { bits = 0u; }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
fn isAllowed(row: u32, id: u32) -> bool {
  return (given[row * numbers.bitWords + (id >> 5u)] & (1u << (id & 31u))) != 0u;
}
// The score of a key in units of 2^-shift, rounded down, clamped to 2^62: a number of 64 bits with a sign.
fn fixed(key: u32) -> vec2<u32> {
  let value = significandOf(key);
  let shift = shiftOf(key);
  let sign = bitcast<u32>(value >> 31u);
  if (shift > 38) { return vec2<u32>(0u, (sign & 0x80000000u) | 0x40000000u); }
  if (shift >= 32) { return vec2<u32>(0u, bitcast<u32>(value) << u32(shift - 32)); }
  return vec2<u32>(fixedLow(key), select(sign, bitcast<u32>(value >> u32(clamp(32 - shift, 0, 31))), shift > 0));
}
fn fixedLow(key: u32) -> u32 {
  let value = significandOf(key);
  let shift = shiftOf(key);
  let large = select(0u, bitcast<u32>(value) << u32(shift & 31), shift < 32);
  return select(bitcast<u32>(value >> u32(min(-shift, 31) & 31)), large, shift > 0);
}
fn bitsOf(key: u32) -> u32 {
  return select(~key, key & 0x7fffffffu, key >= 0x80000000u);
}
fn significandOf(key: u32) -> i32 {
  let bits = bitsOf(key);
  let size = i32((bits & 0x7fffffu) | select(0u, 0x800000u, (bits & 0x7f800000u) != 0u));
  return select(-size, size, key >= 0x80000000u);
}
fn shiftOf(key: u32) -> i32 {
  return i32(max((bitsOf(key) >> 23u) & 255u, 1u)) - 150 + numbers.shift;
}
// The lowest key that may weigh something: less than 2^29 below the largest.
fn nearest(most: u32) -> u32 {
  let top = fixed(most);
  var found = 0u;
  for (var step = 0x80000000u; step > 0u; step = step >> 1u) {
    let key = found | step;
    if (key > most) { continue; }
    let difference = minus(top, fixed(key - 1u));
    if (difference.y != 0u || difference.x >= 0x20000000u) { found = key; }
  }
  return max(found, 1u);
}
fn weightOf(top: u32, key: u32) -> u32 {
  if (key < near) { return 0u; }
  let exponent = wide(top - fixedLow(key), numbers.scale).y >> 5u;
  let whole = exponent >> 18u;
  let entry = (exponent >> 10u) & 255u;
  let weight = (power[entry] - (((power[entry] - power[entry + 1u]) * (exponent & 1023u)) >> 10u)) >> min(whole, 31u);
  return select(weight, 0u, whole > LAST);
}

// Lets the edge rise to the largest key such that what stays of at least that key amounts to enough: an id to 1, or to its
// weight; nothing changes where all are too few.
fn rise(own: u32, base: u32, top: u32, weighs: bool) {
  let oldEdge = edge;
  let oldTies = ties;
  for (var digit = 0u; digit < 4u; digit++) {
    let shift = 24u - 8u * digit;
    let before = ~((2u << (shift + 7u)) - 1u);
    for (var i = own; i < 512u; i += SIZE) { atomicStore(&bins[i], 0u); }
    if (own == 0u && digit == 0u) {
      prefix = 0u;
      above = vec2<u32>();
      need = vec2<u32>(numbers.topK, 0u);
    }
    workgroupBarrier();
    let known = prefix;
    for (var id = own; id < numbers.count; id += SIZE) {
      let key = keys[base + id];
      if (key > oldEdge && ((key ^ known) & before) == 0u) {
        let bin = (key >> shift) & 255u;
        if (weighs) {
          let amount = weightOf(top, key);
          if (amount != 0u) { add(bin, vec2<u32>(amount, 0u)); }
        } else {
          atomicAdd(&bins[bin], 1u);
        }
      }
    }
    if (own == 0u && oldTies != 0u && ((oldEdge ^ known) & before) == 0u) {
      var amount = vec2<u32>(oldTies, 0u);
      if (weighs) { amount = wide(oldTies, weightOf(top, oldEdge)); }
      add((oldEdge >> shift) & 255u, amount);
    }
    workgroupBarrier();
    if (own < 16u) {
      var sum = vec2<u32>();
      for (var i = 0u; i < 16u; i++) { sum = plus(sum, sumOf(16u * own + i)); }
      sums[own] = sum;
    }
    workgroupBarrier();
    if (own == 0u) {
      if (weighs && digit == 0u) { need = share(); }
      var found = 15u;
      var reached = above;
      for (; found > 0u; found--) {
        let next = plus(reached, sums[found]);
        if (!below(next, need)) { break; }
        reached = next;
      }
      let first = 16u * found;
      for (found = first + 15u; found > first; found--) {
        let next = plus(reached, sumOf(found));
        if (!below(next, need)) { break; }
        reached = next;
      }
      above = reached;
      prefix = known | (found << shift);
    }
    workgroupBarrier();
  }
  if (own == 0u && prefix != 0u) {
    edge = prefix;
    let rest = minus(need, above);
    ties = rest.x;
    if (weighs) { ties = quotient(rest, weightOf(top, prefix)); }
  }
  workgroupBarrier();
}
fn add(bin: u32, amount: vec2<u32>) {
  let low = atomicAdd(&bins[bin], amount.x);
  let carry = select(0u, 1u, low + amount.x < low);
  if (amount.y + carry != 0u) { atomicAdd(&bins[256u + bin], amount.y + carry); }
}
fn sumOf(bin: u32) -> vec2<u32> {
  return vec2<u32>(atomicLoad(&bins[bin]), atomicLoad(&bins[256u + bin]));
}
// What top-p needs of the sum of all bins, rounded up.
fn share() -> vec2<u32> {
  var total = vec2<u32>();
  for (var i = 0u; i < 16u; i++) { total = plus(total, sums[i]); }
  let low = wide(total.x, numbers.topP);
  let high = plus(wide(total.y, numbers.topP), vec2<u32>(low.y, 0u));
  return plus(high, vec2<u32>(select(0u, 1u, low.x != 0u), 0u));
}
// How often a number is needed to reach another, at most 2^22 times.
fn quotient(sum: vec2<u32>, part: u32) -> u32 {
  var times = 0u;
  for (var step = 1u << 22u; step > 0u; step = step >> 1u) {
    if (below(wide(times + step, part), sum)) { times += step; }
  }
  return times + 1u;
}

// The key of an id that is among the recent ones.
fn repeat(own: u32, row: u32, id: u32) {
  let at = row * numbers.count + id;
  if (id < numbers.count && id % SIZE == own && isAllowed(row, id)) { keys[at] = keyOf(logits[at], true); }
}

// Philox-4x32-10; the first two of four words.
fn random(row: u32) -> vec2<u32> {
  let counter = plus(vec2<u32>(${rowWord("counterLow")}, ${rowWord("counterHigh")}), vec2<u32>(numbers.step, 0u));
  var at = vec4<u32>(counter, ${rowWord("stream")}, 0u);
  var key = vec2<u32>(${rowWord("seedLow")}, ${rowWord("seedHigh")});
  for (var round = 0u; round < 10u; round++) {
    let a = wide(0xd2511f53u, at.x);
    let b = wide(0xcd9e8d57u, at.z);
    at = vec4<u32>(b.y ^ at.y ^ key.x, b.x, a.y ^ at.w ^ key.y, a.x);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return at.xy;
}

// Leaves in \`start\` the id in whose weight the random number lies.
fn pick(own: u32, row: u32, base: u32, top: u32) {
  if (own == 0u) { start = 0u; }
  var size = numbers.count;
  for (var first = true; first || size > 1u; first = false) {
    workgroupBarrier();
    let piece = (size + SIZE - 1u) / SIZE;
    let begin = start + own * piece;
    let end = min(min(begin + piece, start + size), numbers.count);
    var sum = vec2<u32>();
    var same = 0u;
    for (var id = begin; id < end; id++) {
      let key = keys[base + id];
      if (key > edge) { sum = plus(sum, vec2<u32>(weightOf(top, key), 0u)); }
      if (key == edge) { same++; }
    }
    sums[own] = sum;
    tied[own] = same;
    workgroupBarrier();
    if (own == 0u) {
      let atEdge = weightOf(top, edge);
      if (first) {
        var total = wide(ties, atEdge);
        for (var i = 0u; i < SIZE; i++) { total = plus(total, sums[i]); }
        left = upper(random(row), total);
        tiesLeft = ties;
      }
      for (var i = 0u; i < SIZE; i++) {
        let taken = min(tied[i], tiesLeft);
        let here = plus(sums[i], wide(taken, atEdge));
        if (below(left, here)) {
          start += i * piece;
          break;
        }
        left = minus(left, here);
        tiesLeft -= taken;
      }
    }
    size = piece;
  }
  workgroupBarrier();
}

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) own: u32) {
  let row = group.x;
  let base = row * numbers.count;
  for (var i = own; i < 257u; i += SIZE) { power[i] = powers[i / 4u][i % 4u]; }
  if (own == 0u) {
    atomicStore(&best, 0u);
    atomicStore(&lowest, ${NONE}u);
    edge = 0u;
    ties = 0u;
  }
  // Until the barrier below, no invocation reads the key of an id that another one writes.
  var largest = 0u;
  var holder = ${NONE}u;
  for (var id = own; id < numbers.count; id += SIZE) {
    var key = 0u;
    if (isAllowed(row, id)) { key = keyOf(logits[base + id], false); }
    keys[base + id] = key;
    if (key > largest) {
      largest = key;
      holder = id;
    }
  }
${penalizes ? RECENT : ""}  storageBarrier();
  workgroupBarrier();
  atomicMax(&best, largest);
  workgroupBarrier();
  let most = atomicLoad(&best);

${greedy ? GREEDY : chance(topK, topP)}  if (own == 0u) {
    let drawn = select(start, ${NONE}u, most == 0u);
    ids[numbers.drawnAt + row * numbers.steps + numbers.step] = select(drawn, ${UNDEFINED}u, most == 0xffffffffu);
  }
  workgroupBarrier();
  // Where nothing was drawn it is any id: what follows is thrown away.
  let id = bitcast<i32>(min(start, numbers.count - 1u));
  for (var i = own; i < numbers.follows; i += SIZE) {
    let at = numbers.followsAt + ${FOLLOW}u * i;
    if (given[at] == ${rowWord("document")}) {
      let number = clamp(id + bitcast<i32>(given[at + 1u]), bitcast<i32>(given[at + 2u]), bitcast<i32>(given[at + 3u]));
      ids[4u * i] = bitcast<u32>(number);
    }
  }
}
`;

/** An id is one invocation's, however often it is among the recent ones: so no two write one key. */
const RECENT = `  for (var i = ${rowWord("recentFrom")}; i < ${rowWord("recentTo")}; i++) { repeat(own, row, given[i]); }
  for (var i = 0u; i < numbers.step; i++) { repeat(own, row, ids[numbers.drawnAt + row * numbers.steps + i]); }
  largest = 0u;
  holder = ${NONE}u;
  for (var id = own; id < numbers.count; id += SIZE) {
    let key = keys[base + id];
    if (key > largest) {
      largest = key;
      holder = id;
    }
  }
`;
const GREEDY = `  if (largest == most) { atomicMin(&lowest, holder); }
  workgroupBarrier();
  if (own == 0u) { start = atomicLoad(&lowest); }
`;
const chance = (topK: boolean, topP: boolean): string => `  let top = fixedLow(most);
  if (own == 0u) { near = nearest(most); }
  workgroupBarrier();
${topK ? "  rise(own, base, top, false);\n" : ""}${topP ? "  rise(own, base, top, true);\n" : ""}  pick(own, row, base, top);
`;
