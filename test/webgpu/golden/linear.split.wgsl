// linear.split: products of few rows with matrices; invocations of a workgroup share the sum of each result
// ops: rmsNorm, linear, rotary, silu, mul
// for: linear
// in it
struct Parameters { f0: u32, f1: u32, b2: u32, b3: u32, b4: u32, b5: u32, b6: u32, b7: u32, b8: u32, b9: u32, b10: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> matrix: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> given: array<vec4<u32>>;
var<workgroup> parts: array<vec4<f32>, 64>;
fn sigmoid4(x: vec4<f32>) -> vec4<f32> {
  return 1.0 / (1.0 + exp(-clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0))));
}
fn sumOf(x: vec4<f32>, own: u32) -> vec4<f32> {
  parts[own] = x;
  workgroupBarrier();
  if (own < 8u) {
    var part = x;
    for (var i = own + 8u; i < 64u; i += 8u) { part = part + parts[i]; }
    parts[own] = part;
  }
  workgroupBarrier();
  var all = parts[0];
  for (var i = 1u; i < 8u; i++) { all = all + parts[i]; }
  workgroupBarrier();
  return all;
}
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let u = p.f0 + group.x;
  let m = p.f1 + group.y;
  if (u < 2u) {
    var t2 = vec4<f32>(0.0);
    for (var k3 = local.x; k3 < 2u; k3 += 64u) {
      let v4 = bitcast<vec4<f32>>(given[p.b2 + m * 2u + k3]);
      t2 += v4 * v4;
    }
    t2 = sumOf(t2, local.x);
    let v5 = dot(t2, vec4<f32>(1.0)) / 8.0;
    let v6 = vec4<f32>(1.0 / sqrt(v5 + 0.000009999999747378752), 0.0, 0.0, 0.0);
    var a0 = vec4<f32>(0.0);
    var a1 = vec4<f32>(0.0);
    var w7: u32;
    var w8: u32;
    let r9 = u * 8u;
    w7 = p.b3 + r9 * 2u;
    let r10 = (u * 2u + 1u) * 4u;
    w8 = p.b3 + r10 * 2u;
    for (var k11 = local.x; k11 < 2u; k11 += 64u) {
      let v12 = bitcast<vec4<f32>>(given[p.b2 + m * 2u + k11]);
      let v13 = bitcast<vec4<f32>>(given[p.b4 + k11]);
      let v14 = v12 * v6.x * v13;
      let v15 = matrix[w7 + k11];
      let v16 = matrix[w7 + 2u + k11];
      let v17 = matrix[w7 + 4u + k11];
      let v18 = matrix[w7 + 6u + k11];
      a0 += vec4<f32>(dot(v14, v15), dot(v14, v16), dot(v14, v17), dot(v14, v18));
      let v19 = matrix[w8 + k11];
      let v20 = matrix[w8 + 2u + k11];
      let v21 = matrix[w8 + 4u + k11];
      let v22 = matrix[w8 + 6u + k11];
      a1 += vec4<f32>(dot(v14, v19), dot(v14, v20), dot(v14, v21), dot(v14, v22));
    }
    a0 = sumOf(a0, local.x);
    a1 = sumOf(a1, local.x);
    if (local.x == 0u) {
      let v23 = bitcast<vec4<f32>>(given[p.b5 + m]);
      let v24 = bitcast<vec4<f32>>(given[p.b6 + m]);
      let v25 = a0 * v23 - a1 * v24;
      state[p.b7 + m * 4u + u * 2u] = v25;
      let v26 = a1 * v23 + a0 * v24;
      state[p.b7 + m * 4u + (u * 2u + 1u)] = v26;
    }
  }
  if (u >= 2u && u < 3u) {
    var t31 = vec4<f32>(0.0);
    for (var k32 = local.x; k32 < 2u; k32 += 64u) {
      let v33 = bitcast<vec4<f32>>(given[p.b2 + m * 2u + k32]);
      t31 += v33 * v33;
    }
    t31 = sumOf(t31, local.x);
    let v34 = dot(t31, vec4<f32>(1.0)) / 8.0;
    let v35 = vec4<f32>(1.0 / sqrt(v34 + 0.000009999999747378752), 0.0, 0.0, 0.0);
    var a27 = vec4<f32>(0.0);
    var a28 = vec4<f32>(0.0);
    var a29 = vec4<f32>(0.0);
    var a30 = vec4<f32>(0.0);
    var w36: u32;
    var w37: u32;
    var w38: u32;
    var w39: u32;
    var w40: u32;
    var w41: u32;
    w36 = p.b8;
    let r42 = 1u * 4u;
    w37 = p.b8 + r42 * 2u;
    w40 = p.b8 + 8u;
    w38 = p.b9;
    w39 = p.b9 + r42 * 2u;
    w41 = p.b9 + 8u;
    for (var k43 = local.x; k43 < 2u; k43 += 64u) {
      let v44 = bitcast<vec4<f32>>(given[p.b2 + m * 2u + k43]);
      let v45 = bitcast<vec4<f32>>(given[p.b4 + k43]);
      let v46 = v44 * v35.x * v45;
      let r47 = min(w36, w40);
      let v48 = matrix[r47 + k43];
      let r49 = min(w36 + 2u, w40);
      let v50 = matrix[r49 + k43];
      let r51 = min(w36 + 4u, w40);
      let v52 = matrix[r51 + k43];
      let r53 = min(w36 + 6u, w40);
      let v54 = matrix[r53 + k43];
      a27 += vec4<f32>(dot(v46, v48), dot(v46, v50), dot(v46, v52), dot(v46, v54));
      let r55 = min(w37, w40);
      let v56 = matrix[r55 + k43];
      let r57 = min(w37 + 2u, w40);
      let v58 = matrix[r57 + k43];
      let r59 = min(w37 + 4u, w40);
      let v60 = matrix[r59 + k43];
      let r61 = min(w37 + 6u, w40);
      let v62 = matrix[r61 + k43];
      a28 += vec4<f32>(dot(v46, v56), dot(v46, v58), dot(v46, v60), dot(v46, v62));
      let r63 = min(w38, w41);
      let v64 = matrix[r63 + k43];
      let r65 = min(w38 + 2u, w41);
      let v66 = matrix[r65 + k43];
      let r67 = min(w38 + 4u, w41);
      let v68 = matrix[r67 + k43];
      let r69 = min(w38 + 6u, w41);
      let v70 = matrix[r69 + k43];
      a29 += vec4<f32>(dot(v46, v64), dot(v46, v66), dot(v46, v68), dot(v46, v70));
      let r71 = min(w39, w41);
      let v72 = matrix[r71 + k43];
      let r73 = min(w39 + 2u, w41);
      let v74 = matrix[r73 + k43];
      let r75 = min(w39 + 4u, w41);
      let v76 = matrix[r75 + k43];
      let r77 = min(w39 + 6u, w41);
      let v78 = matrix[r77 + k43];
      a30 += vec4<f32>(dot(v46, v72), dot(v46, v74), dot(v46, v76), dot(v46, v78));
    }
    a27 = sumOf(a27, local.x);
    a28 = sumOf(a28, local.x);
    a29 = sumOf(a29, local.x);
    a30 = sumOf(a30, local.x);
    if (local.x == 0u) {
      let v79 = (a27 * sigmoid4(a27));
      let v80 = (v79 * a29);
      state[p.b10 + m * 2u] = v80;
      let v81 = (a28 * sigmoid4(a28));
      let v82 = (v81 * a30);
      state[p.b10 + m * 2u + 1u] = select(vec4<f32>(0.0), v82, vec4<bool>(true, false, false, false));
    }
  }
}
