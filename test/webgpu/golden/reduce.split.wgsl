// reduce.split: one axis, summed or its largest value taken; invocations of a workgroup share a long row
// ops: amax
// for: amax
// in it
struct Parameters { f0: u32, e1: u32, f2: u32, b3: u32, b4: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
var<workgroup> parts: array<vec4<f32>, 64>;
fn maxOf(x: vec4<f32>, own: u32) -> vec4<f32> {
  parts[own] = x;
  workgroupBarrier();
  if (own < 8u) {
    var part = x;
    for (var i = own + 8u; i < 64u; i += 8u) { part = max(part, parts[i]); }
    parts[own] = part;
  }
  workgroupBarrier();
  var all = parts[0];
  for (var i = 1u; i < 8u; i++) { all = max(all, parts[i]); }
  workgroupBarrier();
  return all;
}
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let c = p.f0 + group.x;
  let r = p.f2 + group.y;
  var t = vec4<f32>(-3.4028234663852886e38f);
  for (var k = local.x; k < 33u; k += 64u) {
    let v0 = bitcast<vec4<f32>>(given[p.b3 + r * 33u + k]);
    t = max(t, select(vec4<f32>(-3.4028234663852886e38f), v0, vec4<u32>(0u, 1u, 2u, 3u) + k * 4u < vec4<u32>(131u)));
  }
  t = maxOf(t, local.x);
  if (local.x == 0u) {
    state[p.b4 + r + c] = vec4<f32>(max(max(t.x, t.y), max(t.z, t.w)), 0.0, 0.0, 0.0);
  }
}
