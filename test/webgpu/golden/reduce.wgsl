// reduce: one axis, summed or its largest value taken
// ops: amax
// for: amax
// in it
struct Parameters { f0: u32, e1: u32, f2: u32, e3: u32, b4: u32, b5: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
@compute @workgroup_size(1, 64, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let c = p.f0 + group.x + local.x;
  let r = p.f2 + group.y * 64u + local.y;
  if (c < p.e1 && r < p.e3) {
    var t = vec4<f32>(-3.4028234663852886e38f);
    for (var k = 0u; k < 2u; k++) {
      let v0 = bitcast<vec4<f32>>(given[p.b4 + r * 2u + k]);
      t = max(t, select(vec4<f32>(-3.4028234663852886e38f), v0, vec4<u32>(0u, 1u, 2u, 3u) + k * 4u < vec4<u32>(7u)));
    }
    state[p.b5 + r + c] = vec4<f32>(max(max(t.x, t.y), max(t.z, t.w)), 0.0, 0.0, 0.0);
  }
}
