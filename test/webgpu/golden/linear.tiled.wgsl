// linear.tiled: products of many rows with matrices; a workgroup brings tiles of both to its memory
// ops: rmsNorm, linear, add
// for: linear
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, e3: u32, b4: u32, b5: u32, b6: u32, b7: u32, b8: u32, b9: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> matrix: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> given: array<vec4<u32>>;
var<workgroup> left: array<vec4<f32>, 260>;
var<workgroup> right: array<vec4<f32>, 260>;
@compute @workgroup_size(128, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let g = p.f0 + group.x * 8u;
  let u = g + local.x % 8u;
  let m = p.f1 + group.y * 64u + local.x / 8u * 4u;
  let m0 = min(m, p.e2 - 1u);
  let m1 = min(m + 1u, p.e2 - 1u);
  let m2 = min(m + 2u, p.e2 - 1u);
  let m3 = min(m + 3u, p.e2 - 1u);
  let depth = local.x % 4u;
  let side = local.x / 4u;
  let n0 = min(p.f1 + group.y * 64u + side, p.e2 - 1u);
  let n1 = min(p.f1 + group.y * 64u + side + 32u, p.e2 - 1u);
  var a0 = vec4<f32>(0.0);
  var a1 = vec4<f32>(0.0);
  var a2 = vec4<f32>(0.0);
  var a3 = vec4<f32>(0.0);
  var a4 = vec4<f32>(0.0);
  var a5 = vec4<f32>(0.0);
  var a6 = vec4<f32>(0.0);
  var a7 = vec4<f32>(0.0);
  var v: u32;
  v = min(g + side / 4u, min(p.e3, 1u) - 1u);
  var w8: u32;
  var w9: u32;
  var w10: u32;
  w8 = p.b4;
  let r11 = 1u * 4u;
  w9 = p.b4 + r11 * 2u;
  w10 = p.b4 + 10u;
  for (var k12 = 0u; k12 < 2u; k12 += 4u) {
    workgroupBarrier();
    let k13 = k12 + depth;
    left[depth * 65u + side] = vec4<f32>(0.0);
    left[depth * 65u + side + 32u] = vec4<f32>(0.0);
    right[depth * 65u + side % 4u * 8u + side / 4u] = vec4<f32>(0.0);
    right[depth * 65u + 32u + side % 4u * 8u + side / 4u] = vec4<f32>(0.0);
    if (k13 < 2u) {
      let v14 = state[p.b5 + n0];
      let v15 = bitcast<vec4<f32>>(given[p.b6 + n0 * 2u + k13]);
      let v16 = bitcast<vec4<f32>>(given[p.b7 + k13]);
      let v17 = v15 * v14.x * v16;
      let v18 = state[p.b5 + n1];
      let v19 = bitcast<vec4<f32>>(given[p.b6 + n1 * 2u + k13]);
      let v20 = v19 * v18.x * v16;
      left[depth * 65u + side] = v17;
      left[depth * 65u + side + 32u] = v20;
      let r21 = min(w8 + (side % 4u) * 2u, w10);
      let v22 = matrix[r21 + k13];
      right[depth * 65u + side % 4u * 8u + side / 4u] = v22;
      let r23 = min(w9 + (side % 4u) * 2u, w10);
      let v24 = matrix[r23 + k13];
      right[depth * 65u + 32u + side % 4u * 8u + side / 4u] = v24;
    }
    workgroupBarrier();
    for (var d = 0u; d < 4u; d++) {
      let v25 = left[d * 65u + local.x / 8u * 4u];
      let v26 = left[d * 65u + local.x / 8u * 4u + 1u];
      let v27 = left[d * 65u + local.x / 8u * 4u + 2u];
      let v28 = left[d * 65u + local.x / 8u * 4u + 3u];
      let v29 = right[d * 65u + local.x % 8u];
      let v30 = right[d * 65u + 8u + local.x % 8u];
      let v31 = right[d * 65u + 16u + local.x % 8u];
      let v32 = right[d * 65u + 24u + local.x % 8u];
      a0 += vec4<f32>(dot(v25, v29), dot(v25, v30), dot(v25, v31), dot(v25, v32));
      a2 += vec4<f32>(dot(v26, v29), dot(v26, v30), dot(v26, v31), dot(v26, v32));
      a4 += vec4<f32>(dot(v27, v29), dot(v27, v30), dot(v27, v31), dot(v27, v32));
      a6 += vec4<f32>(dot(v28, v29), dot(v28, v30), dot(v28, v31), dot(v28, v32));
      let v33 = right[d * 65u + 32u + local.x % 8u];
      let v34 = right[d * 65u + 32u + 8u + local.x % 8u];
      let v35 = right[d * 65u + 32u + 16u + local.x % 8u];
      let v36 = right[d * 65u + 32u + 24u + local.x % 8u];
      a1 += vec4<f32>(dot(v25, v33), dot(v25, v34), dot(v25, v35), dot(v25, v36));
      a3 += vec4<f32>(dot(v26, v33), dot(v26, v34), dot(v26, v35), dot(v26, v36));
      a5 += vec4<f32>(dot(v27, v33), dot(v27, v34), dot(v27, v35), dot(v27, v36));
      a7 += vec4<f32>(dot(v28, v33), dot(v28, v34), dot(v28, v35), dot(v28, v36));
    }
  }
  if (u < min(p.e3, 1u)) {
    if (m < p.e2) {
      let v37 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u]);
      let v38 = (v37 + a0);
      state[p.b9 + m0 * 2u] = v38;
      let v39 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u + 1u]);
      let v40 = (v39 + a1);
      state[p.b9 + m0 * 2u + 1u] = select(vec4<f32>(0.0), v40, vec4<bool>(true, true, false, false));
    }
    if (m + 1u < p.e2) {
      let v41 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u]);
      let v42 = (v41 + a2);
      state[p.b9 + m1 * 2u] = v42;
      let v43 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u + 1u]);
      let v44 = (v43 + a3);
      state[p.b9 + m1 * 2u + 1u] = select(vec4<f32>(0.0), v44, vec4<bool>(true, true, false, false));
    }
    if (m + 2u < p.e2) {
      let v45 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u]);
      let v46 = (v45 + a4);
      state[p.b9 + m2 * 2u] = v46;
      let v47 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u + 1u]);
      let v48 = (v47 + a5);
      state[p.b9 + m2 * 2u + 1u] = select(vec4<f32>(0.0), v48, vec4<bool>(true, true, false, false));
    }
    if (m + 3u < p.e2) {
      let v49 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u]);
      let v50 = (v49 + a6);
      state[p.b9 + m3 * 2u] = v50;
      let v51 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u + 1u]);
      let v52 = (v51 + a7);
      state[p.b9 + m3 * 2u + 1u] = select(vec4<f32>(0.0), v52, vec4<bool>(true, true, false, false));
    }
  }
}
