// attention.over: the same of some keys, kept as a running softmax for the keys that follow
// ops: cast, attention
// for: attention
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, e3: u32, b4: u32, b5: u32, f6: u32, s7: u32, e8: u32, b9: u32, b10: u32, s11: u32, b12: u32, s13: u32, b14: u32, b15: u32, b16: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
fn tanh4(x: vec4<f32>) -> vec4<f32> {
  // Near 0 by a polynomial (Cephes, tanhf); beyond it exp stays finite.
  let z = x * x;
  let near = x + x * z * (-0.333332819422 + z * (0.133314422036 + z * (-0.0537397155531 + z * (0.0206390887954 - z * 0.00570498872745))));
  let a = min(abs(x), vec4<f32>(10.0));
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * a) + 1.0));
  return select(far, near, abs(x) < vec4<f32>(0.625));
}
@compute @workgroup_size(4, 16, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let h = p.f0 + group.x * 4u + local.x;
  let r = p.f1 + group.y * 16u + local.y;
  if (h < p.e2 && r < p.e3) {
    let v0 = bitcast<vec4<f32>>(given[p.b4 + r * 8u + h * 2u]);
    let q1 = v0 * 0.25f;
    let v2 = bitcast<vec4<f32>>(given[p.b4 + r * 8u + (h * 2u + 1u)]);
    let q3 = v2 * 0.25f;
    var o0 = vec4<f32>(0.0);
    var o1 = vec4<f32>(0.0);
    var best = -3.4028234663852886e38f;
    var total = 0.0;
    let r4 = (r * 4u + h);
    if (p.f6 > 0u) {
      best = state[p.b5 + r4 * 3u].x;
      total = state[p.b5 + r4 * 3u].y;
      o0 = state[p.b5 + r4 * 3u + 1u];
      o1 = state[p.b5 + r4 * 3u + 2u];
    }
    for (var t5 = max(p.f6, 0u); t5 < min(p.e8, p.s7); t5++) {
      let j6 = t5 - 0u;
      let v7 = bitcast<vec4<f32>>(given[p.b9 + (r * p.s7 + j6)]);
      let v8 = bool(v7.x);
      if (v8) {
        let r9 = (r / p.s11 * p.s7 + j6);
        let v10 = bitcast<vec4<f32>>(given[p.b10 + r9 * 2u]);
        let v11 = bitcast<vec4<f32>>(given[p.b10 + r9 * 2u + 1u]);
        let s12 = dot(q1, v10) + dot(q3, v11);
        let s13 = tanh4(vec4<f32>(s12 / 30.0f)).x * 30.0f;
        let n14 = max(best, s13);
        let n15 = exp(best - n14);
        let n16 = exp(s13 - n14);
        best = n14;
        total = total * n15 + n16;
        let v17 = bitcast<vec4<f32>>(given[p.b12 + r9 * 2u]);
        o0 = o0 * n15 + n16 * v17;
        let v18 = bitcast<vec4<f32>>(given[p.b12 + r9 * 2u + 1u]);
        o1 = o1 * n15 + n16 * v18;
      }
    }
    for (var t19 = max(p.f6, p.s7); t19 < min(p.e8, p.s13); t19++) {
      let j20 = t19 - p.s7;
      let v21 = bitcast<vec4<f32>>(given[p.b14 + (r * p.s11 + j20)]);
      let v22 = bool(v21.x);
      if (v22) {
        let r23 = (r / p.s11 * p.s11 + j20);
        let v24 = bitcast<vec4<f32>>(given[p.b15 + r23 * 2u]);
        let v25 = bitcast<vec4<f32>>(given[p.b15 + r23 * 2u + 1u]);
        let s26 = dot(q1, v24) + dot(q3, v25);
        let s27 = tanh4(vec4<f32>(s26 / 30.0f)).x * 30.0f;
        let n28 = max(best, s27);
        let n29 = exp(best - n28);
        let n30 = exp(s27 - n28);
        best = n28;
        total = total * n29 + n30;
        let v31 = bitcast<vec4<f32>>(given[p.b16 + r23 * 2u]);
        o0 = o0 * n29 + n30 * v31;
        let v32 = bitcast<vec4<f32>>(given[p.b16 + r23 * 2u + 1u]);
        o1 = o1 * n29 + n30 * v32;
      }
    }
    state[p.b5 + r4 * 3u] = vec4<f32>(best, total, 0.0, 0.0);
    state[p.b5 + r4 * 3u + 1u] = o0;
    state[p.b5 + r4 * 3u + 2u] = o1;
  }
}
