// attention: softmax of scores over all streams of keys, times values, of one query and head to an invocation
// ops: cast, attention
// for: attention
// in it
struct Parameters { f0: u32, f1: u32, f2: u32, e3: u32, e4: u32, e5: u32, b6: u32, s7: u32, s8: u32, b9: u32, b10: u32, b11: u32, b12: u32, b13: u32, b14: u32, b15: u32 }
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
  let i = p.f1 + group.y * 16u + local.y;
  let b = p.f2 + group.z + local.z;
  if (h < p.e3 && i < p.e4 && b < p.e5) {
    let r0 = (b * p.s7 + i);
    let v1 = bitcast<vec4<f32>>(given[p.b6 + r0 * 8u + h * 2u]);
    let q2 = v1 * 0.25f;
    let v3 = bitcast<vec4<f32>>(given[p.b6 + r0 * 8u + (h * 2u + 1u)]);
    let q4 = v3 * 0.25f;
    var o0 = vec4<f32>(0.0);
    var o1 = vec4<f32>(0.0);
    var best = -3.4028234663852886e38f;
    var total = 0.0;
    for (var j5 = 0u; j5 < p.s8; j5++) {
      let v6 = bitcast<vec4<f32>>(given[p.b9 + ((b * p.s7 + i) * p.s8 + j5)]);
      let v7 = bool(v6.x);
      if (v7) {
        let r8 = (b * p.s8 + j5);
        let v9 = bitcast<vec4<f32>>(given[p.b10 + r8 * 2u]);
        let v10 = bitcast<vec4<f32>>(given[p.b10 + r8 * 2u + 1u]);
        let s11 = dot(q2, v9) + dot(q4, v10);
        let s12 = tanh4(vec4<f32>(s11 / 30.0f)).x * 30.0f;
        let n13 = max(best, s12);
        let n14 = exp(best - n13);
        let n15 = exp(s12 - n13);
        best = n13;
        total = total * n14 + n15;
        let v16 = bitcast<vec4<f32>>(given[p.b11 + r8 * 2u]);
        o0 = o0 * n14 + n15 * v16;
        let v17 = bitcast<vec4<f32>>(given[p.b11 + r8 * 2u + 1u]);
        o1 = o1 * n14 + n15 * v17;
      }
    }
    for (var j18 = 0u; j18 < p.s7; j18++) {
      let v19 = bitcast<vec4<f32>>(given[p.b12 + ((b * p.s7 + i) * p.s7 + j18)]);
      let v20 = bool(v19.x);
      if (v20) {
        let r21 = (b * p.s7 + j18);
        let v22 = bitcast<vec4<f32>>(given[p.b13 + r21 * 2u]);
        let v23 = bitcast<vec4<f32>>(given[p.b13 + r21 * 2u + 1u]);
        let s24 = dot(q2, v22) + dot(q4, v23);
        let s25 = tanh4(vec4<f32>(s24 / 30.0f)).x * 30.0f;
        let n26 = max(best, s25);
        let n27 = exp(best - n26);
        let n28 = exp(s25 - n26);
        best = n26;
        total = total * n27 + n28;
        let v29 = bitcast<vec4<f32>>(given[p.b14 + r21 * 2u]);
        o0 = o0 * n27 + n28 * v29;
        let v30 = bitcast<vec4<f32>>(given[p.b14 + r21 * 2u + 1u]);
        o1 = o1 * n27 + n28 * v30;
      }
    }
    let share = select(0.0, 1.0 / total, total > 0.0);
    let y31 = o0 * share;
    state[p.b15 + r0 * 8u + h * 2u] = y31;
    let y32 = o1 * share;
    state[p.b15 + r0 * 8u + (h * 2u + 1u)] = y32;
  }
}
