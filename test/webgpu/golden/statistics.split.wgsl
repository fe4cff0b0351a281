// statistics.split: the factor and the mean of a norm; invocations of a workgroup share a long row
// ops: layerNorm
// for: layerNorm
// in it
struct Parameters { f0: u32, b1: u32, b2: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
var<workgroup> parts: array<vec4<f32>, 64>;
fn sumOf(x: vec4<f32>, own: u32) -> vec4<f32> {
  parts[own] = x;
  workgroupBarrier();
  if (own < 8u) {
    var part = x;
    for (var i = own + 8u; i < 64u; i += 8u) { part = part + parts[i]; }
    parts[own] = part;
  }
  workgroupBarrier();
  var all = parts[0];
  for (var i = 1u; i < 8u; i++) { all = all + parts[i]; }
  workgroupBarrier();
  return all;
}
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let r = p.f0 + group.y;
  var t0 = vec4<f32>(0.0);
  for (var k1 = local.x; k1 < 33u; k1 += 64u) {
    let v2 = bitcast<vec4<f32>>(given[p.b1 + r * 33u + k1]);
    t0 += select(vec4<f32>(0.0), v2, vec4<u32>(0u, 1u, 2u, 3u) + k1 * 4u < vec4<u32>(131u));
  }
  t0 = sumOf(t0, local.x);
  let v3 = dot(t0, vec4<f32>(1.0)) / 131.0;
  var t4 = vec4<f32>(0.0);
  for (var k5 = local.x; k5 < 33u; k5 += 64u) {
    let v6 = bitcast<vec4<f32>>(given[p.b1 + r * 33u + k5]);
    let v7 = v6 - v3;
    t4 += select(vec4<f32>(0.0), v7 * v7, vec4<u32>(0u, 1u, 2u, 3u) + k5 * 4u < vec4<u32>(131u));
  }
  t4 = sumOf(t4, local.x);
  let v8 = dot(t4, vec4<f32>(1.0)) / 131.0;
  let v9 = vec4<f32>(1.0 / sqrt(v8 + 0.000009999999747378752), v3, 0.0, 0.0);
  if (local.x == 0u) {
    state[p.b2 + r] = v9;
  }
}
