// linear.wide: products of many rows with matrices, with what is done to rows before and to results after
// ops: rmsNorm, linear, add
// for: linear
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, e3: u32, b4: u32, b5: u32, b6: u32, b7: u32, b8: u32, b9: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> matrix: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> given: array<vec4<u32>>;
@compute @workgroup_size(4, 8, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let u = p.f0 + group.x * 4u + local.x;
  let m = p.f1 + group.y * 64u + local.y * 8u;
  if (u < p.e2 && m < p.e3) {
    let m0 = min(m, p.e3 - 1u);
    let m1 = min(m + 1u, p.e3 - 1u);
    let m2 = min(m + 2u, p.e3 - 1u);
    let m3 = min(m + 3u, p.e3 - 1u);
    let m4 = min(m + 4u, p.e3 - 1u);
    let m5 = min(m + 5u, p.e3 - 1u);
    let m6 = min(m + 6u, p.e3 - 1u);
    let m7 = min(m + 7u, p.e3 - 1u);
    var a0 = vec4<f32>(0.0);
    var a1 = vec4<f32>(0.0);
    var a2 = vec4<f32>(0.0);
    var a3 = vec4<f32>(0.0);
    var a4 = vec4<f32>(0.0);
    var a5 = vec4<f32>(0.0);
    var a6 = vec4<f32>(0.0);
    var a7 = vec4<f32>(0.0);
    var a8 = vec4<f32>(0.0);
    var a9 = vec4<f32>(0.0);
    var a10 = vec4<f32>(0.0);
    var a11 = vec4<f32>(0.0);
    var a12 = vec4<f32>(0.0);
    var a13 = vec4<f32>(0.0);
    var a14 = vec4<f32>(0.0);
    var a15 = vec4<f32>(0.0);
    for (var k16 = 0u; k16 < 2u; k16++) {
      let v17 = state[p.b4 + m0];
      let v18 = bitcast<vec4<f32>>(given[p.b5 + m0 * 2u + k16]);
      let v19 = bitcast<vec4<f32>>(given[p.b6 + k16]);
      let v20 = v18 * v17.x * v19;
      let v21 = state[p.b4 + m1];
      let v22 = bitcast<vec4<f32>>(given[p.b5 + m1 * 2u + k16]);
      let v23 = v22 * v21.x * v19;
      let v24 = state[p.b4 + m2];
      let v25 = bitcast<vec4<f32>>(given[p.b5 + m2 * 2u + k16]);
      let v26 = v25 * v24.x * v19;
      let v27 = state[p.b4 + m3];
      let v28 = bitcast<vec4<f32>>(given[p.b5 + m3 * 2u + k16]);
      let v29 = v28 * v27.x * v19;
      let v30 = state[p.b4 + m4];
      let v31 = bitcast<vec4<f32>>(given[p.b5 + m4 * 2u + k16]);
      let v32 = v31 * v30.x * v19;
      let v33 = state[p.b4 + m5];
      let v34 = bitcast<vec4<f32>>(given[p.b5 + m5 * 2u + k16]);
      let v35 = v34 * v33.x * v19;
      let v36 = state[p.b4 + m6];
      let v37 = bitcast<vec4<f32>>(given[p.b5 + m6 * 2u + k16]);
      let v38 = v37 * v36.x * v19;
      let v39 = state[p.b4 + m7];
      let v40 = bitcast<vec4<f32>>(given[p.b5 + m7 * 2u + k16]);
      let v41 = v40 * v39.x * v19;
      let v42 = matrix[p.b7 + k16];
      let v43 = matrix[p.b7 + 2u + k16];
      let v44 = matrix[p.b7 + 4u + k16];
      let v45 = matrix[p.b7 + 6u + k16];
      a0 += vec4<f32>(dot(v20, v42), dot(v20, v43), dot(v20, v44), dot(v20, v45));
      a2 += vec4<f32>(dot(v23, v42), dot(v23, v43), dot(v23, v44), dot(v23, v45));
      a4 += vec4<f32>(dot(v26, v42), dot(v26, v43), dot(v26, v44), dot(v26, v45));
      a6 += vec4<f32>(dot(v29, v42), dot(v29, v43), dot(v29, v44), dot(v29, v45));
      a8 += vec4<f32>(dot(v32, v42), dot(v32, v43), dot(v32, v44), dot(v32, v45));
      a10 += vec4<f32>(dot(v35, v42), dot(v35, v43), dot(v35, v44), dot(v35, v45));
      a12 += vec4<f32>(dot(v38, v42), dot(v38, v43), dot(v38, v44), dot(v38, v45));
      a14 += vec4<f32>(dot(v41, v42), dot(v41, v43), dot(v41, v44), dot(v41, v45));
      let v46 = matrix[p.b7 + 8u + k16];
      let v47 = matrix[p.b7 + 10u + k16];
      a1 += vec4<f32>(dot(v20, v46), dot(v20, v47), dot(v20, v47), dot(v20, v47));
      a3 += vec4<f32>(dot(v23, v46), dot(v23, v47), dot(v23, v47), dot(v23, v47));
      a5 += vec4<f32>(dot(v26, v46), dot(v26, v47), dot(v26, v47), dot(v26, v47));
      a7 += vec4<f32>(dot(v29, v46), dot(v29, v47), dot(v29, v47), dot(v29, v47));
      a9 += vec4<f32>(dot(v32, v46), dot(v32, v47), dot(v32, v47), dot(v32, v47));
      a11 += vec4<f32>(dot(v35, v46), dot(v35, v47), dot(v35, v47), dot(v35, v47));
      a13 += vec4<f32>(dot(v38, v46), dot(v38, v47), dot(v38, v47), dot(v38, v47));
      a15 += vec4<f32>(dot(v41, v46), dot(v41, v47), dot(v41, v47), dot(v41, v47));
    }
    if (m < p.e3) {
      let v48 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u]);
      let v49 = (v48 + a0);
      state[p.b9 + m0 * 2u] = v49;
      let v50 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u + 1u]);
      let v51 = (v50 + a1);
      state[p.b9 + m0 * 2u + 1u] = select(vec4<f32>(0.0), v51, vec4<bool>(true, true, false, false));
    }
    if (m + 1u < p.e3) {
      let v52 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u]);
      let v53 = (v52 + a2);
      state[p.b9 + m1 * 2u] = v53;
      let v54 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u + 1u]);
      let v55 = (v54 + a3);
      state[p.b9 + m1 * 2u + 1u] = select(vec4<f32>(0.0), v55, vec4<bool>(true, true, false, false));
    }
    if (m + 2u < p.e3) {
      let v56 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u]);
      let v57 = (v56 + a4);
      state[p.b9 + m2 * 2u] = v57;
      let v58 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u + 1u]);
      let v59 = (v58 + a5);
      state[p.b9 + m2 * 2u + 1u] = select(vec4<f32>(0.0), v59, vec4<bool>(true, true, false, false));
    }
    if (m + 3u < p.e3) {
      let v60 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u]);
      let v61 = (v60 + a6);
      state[p.b9 + m3 * 2u] = v61;
      let v62 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u + 1u]);
      let v63 = (v62 + a7);
      state[p.b9 + m3 * 2u + 1u] = select(vec4<f32>(0.0), v63, vec4<bool>(true, true, false, false));
    }
    if (m + 4u < p.e3) {
      let v64 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u]);
      let v65 = (v64 + a8);
      state[p.b9 + m4 * 2u] = v65;
      let v66 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u + 1u]);
      let v67 = (v66 + a9);
      state[p.b9 + m4 * 2u + 1u] = select(vec4<f32>(0.0), v67, vec4<bool>(true, true, false, false));
    }
    if (m + 5u < p.e3) {
      let v68 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u]);
      let v69 = (v68 + a10);
      state[p.b9 + m5 * 2u] = v69;
      let v70 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u + 1u]);
      let v71 = (v70 + a11);
      state[p.b9 + m5 * 2u + 1u] = select(vec4<f32>(0.0), v71, vec4<bool>(true, true, false, false));
    }
    if (m + 6u < p.e3) {
      let v72 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u]);
      let v73 = (v72 + a12);
      state[p.b9 + m6 * 2u] = v73;
      let v74 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u + 1u]);
      let v75 = (v74 + a13);
      state[p.b9 + m6 * 2u + 1u] = select(vec4<f32>(0.0), v75, vec4<bool>(true, true, false, false));
    }
    if (m + 7u < p.e3) {
      let v76 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u]);
      let v77 = (v76 + a14);
      state[p.b9 + m7 * 2u] = v77;
      let v78 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u + 1u]);
      let v79 = (v78 + a15);
      state[p.b9 + m7 * 2u + 1u] = select(vec4<f32>(0.0), v79, vec4<bool>(true, true, false, false));
    }
  }
}
