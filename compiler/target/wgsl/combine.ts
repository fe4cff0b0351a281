// Functions by which all invocations of a workgroup put together what each of them has, and each is given the whole. All
// of them call, under control flow that is the same for all.
export type Combine = "sum" | "max";
export const combineName = (op: Combine): string => `${op}Of`;

const OPS = {
  sum: { none: "0.0", of: (a: string, b: string) => `${a} + ${b}`, subgroup: "subgroupAdd" },
  max: { none: "-3.4028234663852886e38f", of: (a: string, b: string) => `max(${a}, ${b})`, subgroup: "subgroupMax" },
} as const;

/** `size` invocations, a power of two. The workgroup's `parts` are as many vec4s, and free before and after. */
export const combineText = (op: Combine, size: number, subgroups: boolean): string =>
  `fn ${combineName(op)}(x: vec4<f32>, own: u32) -> vec4<f32> {
${(subgroups ? bySubgroups : byMemory)(op, size)}
}`;

/** First as many sums as the root of all, then all of these. */
const byMemory = (op: Combine, size: number): string => {
  const { of } = OPS[op];
  const few = 2 ** Math.floor(Math.log2(size) / 2);
  return `  parts[own] = x;
  workgroupBarrier();
  if (own < ${few}u) {
    var part = x;
    for (var i = own + ${few}u; i < ${size}u; i += ${few}u) { part = ${of("part", "parts[i]")}; }
    parts[own] = part;
  }
  workgroupBarrier();
  var all = parts[0];
  for (var i = 1u; i < ${few}u; i++) { all = ${of("all", "parts[i]")}; }
  workgroupBarrier();
  return all;`;
};

/**
 * One part of each subgroup, at the place of its first invocation, and then each subgroup takes all parts. Nothing is
 * assumed of how large subgroups are, whether they are full, and which invocations are of one.
 */
const bySubgroups = (op: Combine, size: number): string => {
  const { none, of, subgroup } = OPS[op];
  return `  let part = ${subgroup}(x);
  parts[own] = select(vec4<f32>(${none}), part, own == subgroupMin(own));
  workgroupBarrier();
  var all = vec4<f32>(${none});
  let members = subgroupAdd(1u);
  for (var i = subgroupExclusiveAdd(1u); i < ${size}u; i += members) { all = ${of("all", "parts[i]")}; }
  workgroupBarrier();
  return ${subgroup}(all);`;
};
