// Arithmetic in WGSL of whole numbers that a word does not hold.
export const WHOLE_NUMBERS = `// Numbers of 64 bits: the lower word is x.
fn wide(a: u32, b: u32) -> vec2<u32> {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return vec2<u32>((other << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u));
}
fn plus(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}
fn minus(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}
fn below(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.y < b.y || (a.y == b.y && a.x < b.x);
}
// The upper 64 bits of a product of 128.
fn upper(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let middle = plus(wide(a.x, b.y), vec2<u32>(wide(a.x, b.x).y, 0u));
  let other = plus(wide(a.y, b.x), vec2<u32>(middle.x, 0u));
  return plus(plus(wide(a.y, b.y), vec2<u32>(middle.y, 0u)), vec2<u32>(other.y, 0u));
}

`;
