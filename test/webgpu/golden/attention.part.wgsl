// attention.part: the same of a part of many keys, kept for the step that puts the parts together
// ops: cast, attention
// for: attention
// in it
struct Parameters { f0: u32, f1: u32, f2: u32, b3: u32, s4: u32, b5: u32, b6: u32, s7: u32, b8: u32, b9: u32, b10: u32, b11: u32, b12: u32 }
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
  let r = p.f1 + group.y;
  let z = p.f2 + group.z;
  let kc = local.x % 2u;
  let kr = local.x / 2u;
  let vc = local.x % 2u;
  let vr = local.x / 2u;
  let v0 = bitcast<vec4<f32>>(given[p.b3 + r * 8u + (h * 2u + kc)]);
  let q1 = v0 * 0.25f;
  var o = vec4<f32>(0.0);
  var best = -3.4028234663852886e38f;
  var total = 0.0;
  let n4 = (p.s4 + 7u) / 8u;
  let n5 = z * n4;
  let n6 = min(p.s4, n5 + n4);
  for (var t2 = n5; t2 < n6; t2 += 128u) {
    let n3 = min(n6 - t2, 128u);
    workgroupBarrier();
    if (local.x < n3) {
      let j7 = t2 + local.x;
      let v8 = bitcast<vec4<f32>>(given[p.b5 + (r * p.s4 + j7)]);
      let v9 = bool(v8.x);
      weights[local.x] = select(0.0, 1.0, v9);
    }
    workgroupBarrier();
    if (kr < 64u) {
      for (var y = kr; y < n3; y += 64u) {
        if (weights[y] != 0.0) {
          let j10 = t2 + y;
          let r11 = (r / p.s7 * p.s4 + j10);
          let v12 = bitcast<vec4<f32>>(given[p.b6 + r11 * 2u + kc]);
          dots[y * 3u + kc] = dot(q1, v12);
        }
      }
    }
    workgroupBarrier();
    var seen = false;
    if (local.x < n3) { seen = weights[local.x] != 0.0; }
    var score = -3.4028234663852886e38f;
    if (seen) {
      var dotted = 0.0;
      for (var c = 0u; c < 2u; c++) { dotted += dots[local.x * 3u + c]; }
      let s13 = tanh4(vec4<f32>(dotted / 30.0f)).x * 30.0f;
      score = s13;
    }
    let top = max(best, maxOf(vec4<f32>(score), local.x).x);
    if (seen) { weights[local.x] = exp(score - top); }
    let kept = exp(best - top);
    best = top;
    total *= kept;
    o *= kept;
    workgroupBarrier();
    if (vr < 64u) {
      for (var y = vr; y < n3; y += 64u) {
        let weight = weights[y];
        if (weight != 0.0) {
          total += weight;
          let j14 = t2 + y;
          let r15 = (r / p.s7 * p.s4 + j14);
          let v16 = bitcast<vec4<f32>>(given[p.b8 + r15 * 2u + vc]);
          o += weight * v16;
        }
      }
    }
  }
  let n19 = (p.s7 + 7u) / 8u;
  let n20 = z * n19;
  let n21 = min(p.s7, n20 + n19);
  for (var t17 = n20; t17 < n21; t17 += 128u) {
    let n18 = min(n21 - t17, 128u);
    workgroupBarrier();
    if (local.x < n18) {
      let j22 = t17 + local.x;
      let v23 = bitcast<vec4<f32>>(given[p.b9 + (r * p.s7 + j22)]);
      let v24 = bool(v23.x);
      weights[local.x] = select(0.0, 1.0, v24);
    }
    workgroupBarrier();
    if (kr < 64u) {
      for (var y = kr; y < n18; y += 64u) {
        if (weights[y] != 0.0) {
          let j25 = t17 + y;
          let r26 = (r / p.s7 * p.s7 + j25);
          let v27 = bitcast<vec4<f32>>(given[p.b10 + r26 * 2u + kc]);
          dots[y * 3u + kc] = dot(q1, v27);
        }
      }
    }
    workgroupBarrier();
    var seen = false;
    if (local.x < n18) { seen = weights[local.x] != 0.0; }
    var score = -3.4028234663852886e38f;
    if (seen) {
      var dotted = 0.0;
      for (var c = 0u; c < 2u; c++) { dotted += dots[local.x * 3u + c]; }
      let s28 = tanh4(vec4<f32>(dotted / 30.0f)).x * 30.0f;
      score = s28;
    }
    let top = max(best, maxOf(vec4<f32>(score), local.x).x);
    if (seen) { weights[local.x] = exp(score - top); }
    let kept = exp(best - top);
    best = top;
    total *= kept;
    o *= kept;
    workgroupBarrier();
    if (vr < 64u) {
      for (var y = vr; y < n18; y += 64u) {
        let weight = weights[y];
        if (weight != 0.0) {
          total += weight;
          let j29 = t17 + y;
          let r30 = (r / p.s7 * p.s7 + j29);
          let v31 = bitcast<vec4<f32>>(given[p.b11 + r30 * 2u + vc]);
          o += weight * v31;
        }
      }
    }
  }
  total = sumOf(vec4<f32>(select(0.0, total, vc == 0u && vr < 64u)), local.x).x;
  parts[local.x] = o;
  workgroupBarrier();
  if (local.x < 2u) {
    for (var y = local.x + 2u; y < 128u; y += 2u) { o += parts[y]; }
    let r32 = ((r * 4u + h) * 8u + z);
    state[p.b12 + r32 * 3u + vc + 1u] = o;
    if (vc == 0u) { state[p.b12 + r32 * 3u] = vec4<f32>(best, total, 0.0, 0.0); }
  }
}
