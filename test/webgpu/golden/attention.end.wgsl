// attention.end: what a running softmax over all keys has come to
// ops: cast, attention
// for: attention
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, e3: u32, b4: u32, b5: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@compute @workgroup_size(4, 16, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let h = p.f0 + group.x * 4u + local.x;
  let r = p.f1 + group.y * 16u + local.y;
  if (h < p.e2 && r < p.e3) {
    let r0 = (r * 4u + h);
    let v1 = state[p.b4 + r0 * 3u];
    let share = select(0.0, 1.0 / v1.y, v1.y > 0.0);
    let y2 = state[p.b4 + r0 * 3u + 1u] * share;
    state[p.b5 + r * 8u + h * 2u] = y2;
    let y3 = state[p.b4 + r0 * 3u + 2u] * share;
    state[p.b5 + r * 8u + (h * 2u + 1u)] = y3;
  }
}
