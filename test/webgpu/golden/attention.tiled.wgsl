// attention.tiled: the same of many queries; a workgroup brings keys and values to its memory
// ops: cast, attention
// for: attention
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, f3: u32, b4: u32, s5: u32, s6: u32, b7: u32, b8: u32, b9: u32, b10: u32, b11: u32, b12: u32, b13: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
var<workgroup> near: array<vec4<f32>, 64>;
var<workgroup> worth: array<vec4<f32>, 64>;
var<workgroup> wanted: array<u32, 1>;
var<workgroup> parts: array<vec4<f32>, 64>;
fn tanh4(x: vec4<f32>) -> vec4<f32> {
  // Near 0 by a polynomial (Cephes, tanhf); beyond it exp stays finite.
  let z = x * x;
  let near = x + x * z * (-0.333332819422 + z * (0.133314422036 + z * (-0.0537397155531 + z * (0.0206390887954 - z * 0.00570498872745))));
  let a = min(abs(x), vec4<f32>(10.0));
  let far = sign(x) * (1.0 - 2.0 / (exp(2.0 * a) + 1.0));
  return select(far, near, abs(x) < vec4<f32>(0.625));
}
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
  let h = p.f0 + group.x;
  let r = p.f1 + group.y * 64u + local.x;
  let i = min(r, p.e2 - 1u);
  let b = p.f3 + group.z;
  let r0 = (b * p.s5 + i);
  let v1 = bitcast<vec4<f32>>(given[p.b4 + r0 * 8u + h * 2u]);
  let q2 = v1 * 0.25f;
  let v3 = bitcast<vec4<f32>>(given[p.b4 + r0 * 8u + (h * 2u + 1u)]);
  let q4 = v3 * 0.25f;
  var o0 = vec4<f32>(0.0);
  var o1 = vec4<f32>(0.0);
  var best = -3.4028234663852886e38f;
  var total = 0.0;
  for (var t5 = 0u; t5 < p.s6; t5 += 32u) {
    let n6 = min(p.s6 - t5, 32u);
    var seen = 0u;
    for (var y = 0u; y < n6; y++) {
      let j7 = t5 + y;
      let v8 = bitcast<vec4<f32>>(given[p.b7 + ((b * p.s5 + i) * p.s6 + j7)]);
      let v9 = bool(v8.x);
      seen |= select(0u, 1u << y, v9);
    }
    let any = maxOf(vec4<f32>(select(0.0, 1.0, seen != 0u)), local.x).x;
    if (local.x == 0u) { wanted[0] = u32(any); }
    if (workgroupUniformLoad(&wanted[0]) != 0u) {
      for (var y = local.x; y < n6 * 2u; y += 64u) {
        let c10 = y % 2u;
        let j11 = t5 + y / 2u;
        let r12 = (b * p.s6 + j11);
        let v13 = bitcast<vec4<f32>>(given[p.b8 + r12 * 2u + c10]);
        near[y] = v13;
      }
      for (var y = local.x; y < n6 * 2u; y += 64u) {
        let c14 = y % 2u;
        let j15 = t5 + y / 2u;
        let r16 = (b * p.s6 + j15);
        let v17 = bitcast<vec4<f32>>(given[p.b9 + r16 * 2u + c14]);
        worth[y] = v17;
      }
      workgroupBarrier();
      for (var y = 0u; y < n6; y++) {
        if (((seen >> y) & 1u) != 0u) {
          let s18 = dot(q2, near[y * 2u]) + dot(q4, near[y * 2u + 1u]);
          let s19 = tanh4(vec4<f32>(s18 / 30.0f)).x * 30.0f;
          let n20 = max(best, s19);
          let n21 = exp(best - n20);
          let n22 = exp(s19 - n20);
          best = n20;
          total = total * n21 + n22;
          o0 = o0 * n21 + n22 * worth[y * 2u];
          o1 = o1 * n21 + n22 * worth[y * 2u + 1u];
        }
      }
    }
  }
  for (var t23 = 0u; t23 < p.s5; t23 += 32u) {
    let n24 = min(p.s5 - t23, 32u);
    var seen = 0u;
    for (var y = 0u; y < n24; y++) {
      let j25 = t23 + y;
      let v26 = bitcast<vec4<f32>>(given[p.b10 + ((b * p.s5 + i) * p.s5 + j25)]);
      let v27 = bool(v26.x);
      seen |= select(0u, 1u << y, v27);
    }
    let any = maxOf(vec4<f32>(select(0.0, 1.0, seen != 0u)), local.x).x;
    if (local.x == 0u) { wanted[0] = u32(any); }
    if (workgroupUniformLoad(&wanted[0]) != 0u) {
      for (var y = local.x; y < n24 * 2u; y += 64u) {
        let c28 = y % 2u;
        let j29 = t23 + y / 2u;
        let r30 = (b * p.s5 + j29);
        let v31 = bitcast<vec4<f32>>(given[p.b11 + r30 * 2u + c28]);
        near[y] = v31;
      }
      for (var y = local.x; y < n24 * 2u; y += 64u) {
        let c32 = y % 2u;
        let j33 = t23 + y / 2u;
        let r34 = (b * p.s5 + j33);
        let v35 = bitcast<vec4<f32>>(given[p.b12 + r34 * 2u + c32]);
        worth[y] = v35;
      }
      workgroupBarrier();
      for (var y = 0u; y < n24; y++) {
        if (((seen >> y) & 1u) != 0u) {
          let s36 = dot(q2, near[y * 2u]) + dot(q4, near[y * 2u + 1u]);
          let s37 = tanh4(vec4<f32>(s36 / 30.0f)).x * 30.0f;
          let n38 = max(best, s37);
          let n39 = exp(best - n38);
          let n40 = exp(s37 - n38);
          best = n38;
          total = total * n39 + n40;
          o0 = o0 * n39 + n40 * worth[y * 2u];
          o1 = o1 * n39 + n40 * worth[y * 2u + 1u];
        }
      }
    }
  }
  if (r < p.e2) {
    let share = select(0.0, 1.0 / total, total > 0.0);
    let y41 = o0 * share;
    state[p.b13 + r0 * 8u + h * 2u] = y41;
    let y42 = o1 * share;
    state[p.b13 + r0 * 8u + (h * 2u + 1u)] = y42;
  }
}
