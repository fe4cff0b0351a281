// attention.split: the same of few queries: invocations of a workgroup share the keys of one query and head
// ops: cast, attention
// for: attention
// in it
struct Parameters { f0: u32, f1: u32, f2: u32, b3: u32, s4: u32, s5: u32, b6: u32, b7: u32, b8: u32, b9: u32, b10: u32, b11: u32, b12: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> given: array<vec4<u32>>;
var<workgroup> dots: array<f32, 384>;
var<workgroup> weights: array<f32, 128>;
var<workgroup> parts: array<vec4<f32>, 128>;
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
    for (var i = own + 8u; i < 128u; i += 8u) { part = max(part, parts[i]); }
    parts[own] = part;
  }
  workgroupBarrier();
  var all = parts[0];
  for (var i = 1u; i < 8u; i++) { all = max(all, parts[i]); }
  workgroupBarrier();
  return all;
}
fn sumOf(x: vec4<f32>, own: u32) -> vec4<f32> {
  parts[own] = x;
  workgroupBarrier();
  if (own < 8u) {
    var part = x;
    for (var i = own + 8u; i < 128u; i += 8u) { part = part + parts[i]; }
    parts[own] = part;
  }
  workgroupBarrier();
  var all = parts[0];
  for (var i = 1u; i < 8u; i++) { all = all + parts[i]; }
  workgroupBarrier();
  return all;
}
@compute @workgroup_size(128, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let h = p.f0 + group.x;
  let i = p.f1 + group.y;
  let b = p.f2 + group.z;
  let kc = local.x % 2u;
  let kr = local.x / 2u;
  let vc = local.x % 2u;
  let vr = local.x / 2u;
  let r0 = (b * p.s4 + i);
  let v1 = bitcast<vec4<f32>>(given[p.b3 + r0 * 8u + (h * 2u + kc)]);
  let q2 = v1 * 0.25f;
  var o = vec4<f32>(0.0);
  var best = -3.4028234663852886e38f;
  var total = 0.0;
  for (var t3 = 0u; t3 < p.s5; t3 += 128u) {
    let n4 = min(p.s5 - t3, 128u);
    workgroupBarrier();
    if (local.x < n4) {
      let j5 = t3 + local.x;
      let v6 = bitcast<vec4<f32>>(given[p.b6 + ((b * p.s4 + i) * p.s5 + j5)]);
      let v7 = bool(v6.x);
      weights[local.x] = select(0.0, 1.0, v7);
    }
    workgroupBarrier();
    if (kr < 64u) {
      for (var y = kr; y < n4; y += 64u) {
        if (weights[y] != 0.0) {
          let j8 = t3 + y;
          let r9 = (b * p.s5 + j8);
          let v10 = bitcast<vec4<f32>>(given[p.b7 + r9 * 2u + kc]);
          dots[y * 3u + kc] = dot(q2, v10);
        }
      }
    }
    workgroupBarrier();
    var seen = false;
    if (local.x < n4) { seen = weights[local.x] != 0.0; }
    var score = -3.4028234663852886e38f;
    if (seen) {
      var dotted = 0.0;
      for (var c = 0u; c < 2u; c++) { dotted += dots[local.x * 3u + c]; }
      let s11 = tanh4(vec4<f32>(dotted / 30.0f)).x * 30.0f;
      score = s11;
    }
    let top = max(best, maxOf(vec4<f32>(score), local.x).x);
    if (seen) { weights[local.x] = exp(score - top); }
    let kept = exp(best - top);
    best = top;
    total *= kept;
    o *= kept;
    workgroupBarrier();
    if (vr < 64u) {
      for (var y = vr; y < n4; y += 64u) {
        let weight = weights[y];
        if (weight != 0.0) {
          total += weight;
          let j12 = t3 + y;
          let r13 = (b * p.s5 + j12);
          let v14 = bitcast<vec4<f32>>(given[p.b8 + r13 * 2u + vc]);
          o += weight * v14;
        }
      }
    }
  }
  for (var t15 = 0u; t15 < p.s4; t15 += 128u) {
    let n16 = min(p.s4 - t15, 128u);
    workgroupBarrier();
    if (local.x < n16) {
      let j17 = t15 + local.x;
      let v18 = bitcast<vec4<f32>>(given[p.b9 + ((b * p.s4 + i) * p.s4 + j17)]);
      let v19 = bool(v18.x);
      weights[local.x] = select(0.0, 1.0, v19);
    }
    workgroupBarrier();
    if (kr < 64u) {
      for (var y = kr; y < n16; y += 64u) {
        if (weights[y] != 0.0) {
          let j20 = t15 + y;
          let r21 = (b * p.s4 + j20);
          let v22 = bitcast<vec4<f32>>(given[p.b10 + r21 * 2u + kc]);
          dots[y * 3u + kc] = dot(q2, v22);
        }
      }
    }
    workgroupBarrier();
    var seen = false;
    if (local.x < n16) { seen = weights[local.x] != 0.0; }
    var score = -3.4028234663852886e38f;
    if (seen) {
      var dotted = 0.0;
      for (var c = 0u; c < 2u; c++) { dotted += dots[local.x * 3u + c]; }
      let s23 = tanh4(vec4<f32>(dotted / 30.0f)).x * 30.0f;
      score = s23;
    }
    let top = max(best, maxOf(vec4<f32>(score), local.x).x);
    if (seen) { weights[local.x] = exp(score - top); }
    let kept = exp(best - top);
    best = top;
    total *= kept;
    o *= kept;
    workgroupBarrier();
    if (vr < 64u) {
      for (var y = vr; y < n16; y += 64u) {
        let weight = weights[y];
        if (weight != 0.0) {
          total += weight;
          let j24 = t15 + y;
          let r25 = (b * p.s4 + j24);
          let v26 = bitcast<vec4<f32>>(given[p.b11 + r25 * 2u + vc]);
          o += weight * v26;
        }
      }
    }
  }
  total = sumOf(vec4<f32>(select(0.0, total, vc == 0u && vr < 64u)), local.x).x;
  parts[local.x] = o;
  workgroupBarrier();
  if (local.x < 2u) {
    for (var y = local.x + 2u; y < 128u; y += 2u) { o += parts[y]; }
    let share = select(0.0, 1.0 / total, total > 0.0);
    let y27 = o * share;
    state[p.b12 + r0 * 8u + (h * 2u + vc)] = y27;
  }
}
