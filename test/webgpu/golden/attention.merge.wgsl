// attention.merge: what parts of the keys of one query and head have come to, together
// ops: cast, attention
// for: attention
// in it
struct Parameters { f0: u32, f1: u32, f2: u32, e3: u32, b4: u32, b5: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@compute @workgroup_size(2, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let h = p.f0 + group.x;
  let r = p.f1 + group.y;
  let c = p.f2 + local.x;
  if (c < p.e3) {
    let r0 = (r * 4u + h) * 8u;
    let v1 = state[p.b4 + r0 * 3u];
    let r2 = ((r * 4u + h) * 8u + 1u);
    let v3 = state[p.b4 + r2 * 3u];
    let r4 = ((r * 4u + h) * 8u + 2u);
    let v5 = state[p.b4 + r4 * 3u];
    let r6 = ((r * 4u + h) * 8u + 3u);
    let v7 = state[p.b4 + r6 * 3u];
    let r8 = ((r * 4u + h) * 8u + 4u);
    let v9 = state[p.b4 + r8 * 3u];
    let r10 = ((r * 4u + h) * 8u + 5u);
    let v11 = state[p.b4 + r10 * 3u];
    let r12 = ((r * 4u + h) * 8u + 6u);
    let v13 = state[p.b4 + r12 * 3u];
    let r14 = ((r * 4u + h) * 8u + 7u);
    let v15 = state[p.b4 + r14 * 3u];
    let top = max(max(max(max(max(max(max(max(-3.4028234663852886e38f, v1.x), v3.x), v5.x), v7.x), v9.x), v11.x), v13.x), v15.x);
    var total = 0.0;
    var o = vec4<f32>(0.0);
    let n16 = exp(v1.x - top);
    total += v1.y * n16;
    o += state[p.b4 + r0 * 3u + c + 1u] * n16;
    let n17 = exp(v3.x - top);
    total += v3.y * n17;
    o += state[p.b4 + r2 * 3u + c + 1u] * n17;
    let n18 = exp(v5.x - top);
    total += v5.y * n18;
    o += state[p.b4 + r4 * 3u + c + 1u] * n18;
    let n19 = exp(v7.x - top);
    total += v7.y * n19;
    o += state[p.b4 + r6 * 3u + c + 1u] * n19;
    let n20 = exp(v9.x - top);
    total += v9.y * n20;
    o += state[p.b4 + r8 * 3u + c + 1u] * n20;
    let n21 = exp(v11.x - top);
    total += v11.y * n21;
    o += state[p.b4 + r10 * 3u + c + 1u] * n21;
    let n22 = exp(v13.x - top);
    total += v13.y * n22;
    o += state[p.b4 + r12 * 3u + c + 1u] * n22;
    let n23 = exp(v15.x - top);
    total += v15.y * n23;
    o += state[p.b4 + r14 * 3u + c + 1u] * n23;
    let share = select(0.0, 1.0 / total, total > 0.0);
    let y24 = o * share;
    state[p.b5 + r * 8u + (h * 2u + c)] = y24;
  }
}
