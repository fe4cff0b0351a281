// statistics: the factor and the mean of a norm, of each row
// ops: layerNorm
// for: layerNorm
// in it
struct Parameters { f0: u32, e1: u32, b2: u32, b3: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
@compute @workgroup_size(1, 64, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let r = p.f0 + group.y * 64u + local.y;
  if (r < p.e1) {
    var t0 = vec4<f32>(0.0);
    for (var k1 = 0u; k1 < 2u; k1++) {
      let v2 = bitcast<vec4<f32>>(given[p.b2 + r * 2u + k1]);
      t0 += select(vec4<f32>(0.0), v2, vec4<u32>(0u, 1u, 2u, 3u) + k1 * 4u < vec4<u32>(7u));
    }
    let v3 = dot(t0, vec4<f32>(1.0)) / 7.0;
    var t4 = vec4<f32>(0.0);
    for (var k5 = 0u; k5 < 2u; k5++) {
      let v6 = bitcast<vec4<f32>>(given[p.b2 + r * 2u + k5]);
      let v7 = v6 - v3;
      t4 += select(vec4<f32>(0.0), v7 * v7, vec4<u32>(0u, 1u, 2u, 3u) + k5 * 4u < vec4<u32>(7u));
    }
    let v8 = dot(t4, vec4<f32>(1.0)) / 7.0;
    let v9 = vec4<f32>(1.0 / sqrt(v8 + 0.000009999999747378752), v3, 0.0, 0.0);
    state[p.b3 + r] = v9;
  }
}
