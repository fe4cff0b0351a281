// pointwise: a value of which each number stands by itself, with all that it is made of
// ops: layerNorm
// for: layerNorm
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, e3: u32, b4: u32, b5: u32, b6: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
@compute @workgroup_size(8, 8, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let c = p.f0 + group.x * 8u + local.x;
  let r = p.f1 + group.y * 8u + local.y;
  if (c < p.e2 && r < p.e3) {
    let v0 = state[p.b4 + r];
    let v1 = bitcast<vec4<f32>>(given[p.b5 + r * 2u + c]);
    let v2 = (v1 - v0.y) * v0.x;
    state[p.b6 + r * 2u + c] = select(vec4<f32>(0.0), v2, vec4<u32>(0u, 1u, 2u, 3u) + c * 4u < vec4<u32>(7u));
  }
}
