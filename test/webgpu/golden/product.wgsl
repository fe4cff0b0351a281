// product: products of two computed values
// ops: matmul, mul
// for: matmul
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, e3: u32, b4: u32, b5: u32, s6: u32, b7: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let c = p.f0 + group.x * 8u + local.x;
  let r = p.f1 + group.y * 8u + local.y;
  if (c < p.e2 && r < p.e3) {
    var t = vec4<f32>(0.0);
    for (var k = 0u; k < 6u; k++) {
      let v0 = bitcast<vec4<f32>>(given[p.b4 + r * 2u + k / 4u]);
      let r1 = (r / p.s6 * 6u + k);
      let v2 = bitcast<vec4<f32>>(given[p.b5 + r1 * 2u + c]);
      t += v0[k % 4u] * v2;
    }
    let v3 = (t * vec4<f32>(0.5f));
    state[p.b7 + r * 2u + c] = select(vec4<f32>(0.0), v3, vec4<u32>(0u, 1u, 2u, 3u) + c * 4u < vec4<u32>(7u));
  }
}
