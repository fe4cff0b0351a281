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
    var w16: u32;
    var w17: u32;
    var w18: u32;
    w16 = p.b4;
    let r19 = 1u * 4u;
    w17 = p.b4 + r19 * 2u;
    w18 = p.b4 + 10u;
    for (var k20 = 0u; k20 < 2u; k20++) {
      let v21 = state[p.b5 + m0];
      let v22 = bitcast<vec4<f32>>(given[p.b6 + m0 * 2u + k20]);
      let v23 = bitcast<vec4<f32>>(given[p.b7 + k20]);
      let v24 = v22 * v21.x * v23;
      let v25 = state[p.b5 + m1];
      let v26 = bitcast<vec4<f32>>(given[p.b6 + m1 * 2u + k20]);
      let v27 = v26 * v25.x * v23;
      let v28 = state[p.b5 + m2];
      let v29 = bitcast<vec4<f32>>(given[p.b6 + m2 * 2u + k20]);
      let v30 = v29 * v28.x * v23;
      let v31 = state[p.b5 + m3];
      let v32 = bitcast<vec4<f32>>(given[p.b6 + m3 * 2u + k20]);
      let v33 = v32 * v31.x * v23;
      let v34 = state[p.b5 + m4];
      let v35 = bitcast<vec4<f32>>(given[p.b6 + m4 * 2u + k20]);
      let v36 = v35 * v34.x * v23;
      let v37 = state[p.b5 + m5];
      let v38 = bitcast<vec4<f32>>(given[p.b6 + m5 * 2u + k20]);
      let v39 = v38 * v37.x * v23;
      let v40 = state[p.b5 + m6];
      let v41 = bitcast<vec4<f32>>(given[p.b6 + m6 * 2u + k20]);
      let v42 = v41 * v40.x * v23;
      let v43 = state[p.b5 + m7];
      let v44 = bitcast<vec4<f32>>(given[p.b6 + m7 * 2u + k20]);
      let v45 = v44 * v43.x * v23;
      let r46 = min(w16, w18);
      let v47 = matrix[r46 + k20];
      let r48 = min(w16 + 2u, w18);
      let v49 = matrix[r48 + k20];
      let r50 = min(w16 + 4u, w18);
      let v51 = matrix[r50 + k20];
      let r52 = min(w16 + 6u, w18);
      let v53 = matrix[r52 + k20];
      a0 += vec4<f32>(dot(v24, v47), dot(v24, v49), dot(v24, v51), dot(v24, v53));
      a2 += vec4<f32>(dot(v27, v47), dot(v27, v49), dot(v27, v51), dot(v27, v53));
      a4 += vec4<f32>(dot(v30, v47), dot(v30, v49), dot(v30, v51), dot(v30, v53));
      a6 += vec4<f32>(dot(v33, v47), dot(v33, v49), dot(v33, v51), dot(v33, v53));
      a8 += vec4<f32>(dot(v36, v47), dot(v36, v49), dot(v36, v51), dot(v36, v53));
      a10 += vec4<f32>(dot(v39, v47), dot(v39, v49), dot(v39, v51), dot(v39, v53));
      a12 += vec4<f32>(dot(v42, v47), dot(v42, v49), dot(v42, v51), dot(v42, v53));
      a14 += vec4<f32>(dot(v45, v47), dot(v45, v49), dot(v45, v51), dot(v45, v53));
      let r54 = min(w17, w18);
      let v55 = matrix[r54 + k20];
      let r56 = min(w17 + 2u, w18);
      let v57 = matrix[r56 + k20];
      let r58 = min(w17 + 4u, w18);
      let v59 = matrix[r58 + k20];
      let r60 = min(w17 + 6u, w18);
      let v61 = matrix[r60 + k20];
      a1 += vec4<f32>(dot(v24, v55), dot(v24, v57), dot(v24, v59), dot(v24, v61));
      a3 += vec4<f32>(dot(v27, v55), dot(v27, v57), dot(v27, v59), dot(v27, v61));
      a5 += vec4<f32>(dot(v30, v55), dot(v30, v57), dot(v30, v59), dot(v30, v61));
      a7 += vec4<f32>(dot(v33, v55), dot(v33, v57), dot(v33, v59), dot(v33, v61));
      a9 += vec4<f32>(dot(v36, v55), dot(v36, v57), dot(v36, v59), dot(v36, v61));
      a11 += vec4<f32>(dot(v39, v55), dot(v39, v57), dot(v39, v59), dot(v39, v61));
      a13 += vec4<f32>(dot(v42, v55), dot(v42, v57), dot(v42, v59), dot(v42, v61));
      a15 += vec4<f32>(dot(v45, v55), dot(v45, v57), dot(v45, v59), dot(v45, v61));
    }
    if (m < p.e3) {
      let v62 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u]);
      let v63 = (v62 + a0);
      state[p.b9 + m0 * 2u] = v63;
      let v64 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u + 1u]);
      let v65 = (v64 + a1);
      state[p.b9 + m0 * 2u + 1u] = select(vec4<f32>(0.0), v65, vec4<bool>(true, true, false, false));
    }
    if (m + 1u < p.e3) {
      let v66 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u]);
      let v67 = (v66 + a2);
      state[p.b9 + m1 * 2u] = v67;
      let v68 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u + 1u]);
      let v69 = (v68 + a3);
      state[p.b9 + m1 * 2u + 1u] = select(vec4<f32>(0.0), v69, vec4<bool>(true, true, false, false));
    }
    if (m + 2u < p.e3) {
      let v70 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u]);
      let v71 = (v70 + a4);
      state[p.b9 + m2 * 2u] = v71;
      let v72 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u + 1u]);
      let v73 = (v72 + a5);
      state[p.b9 + m2 * 2u + 1u] = select(vec4<f32>(0.0), v73, vec4<bool>(true, true, false, false));
    }
    if (m + 3u < p.e3) {
      let v74 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u]);
      let v75 = (v74 + a6);
      state[p.b9 + m3 * 2u] = v75;
      let v76 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u + 1u]);
      let v77 = (v76 + a7);
      state[p.b9 + m3 * 2u + 1u] = select(vec4<f32>(0.0), v77, vec4<bool>(true, true, false, false));
    }
    if (m + 4u < p.e3) {
      let v78 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u]);
      let v79 = (v78 + a8);
      state[p.b9 + m4 * 2u] = v79;
      let v80 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u + 1u]);
      let v81 = (v80 + a9);
      state[p.b9 + m4 * 2u + 1u] = select(vec4<f32>(0.0), v81, vec4<bool>(true, true, false, false));
    }
    if (m + 5u < p.e3) {
      let v82 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u]);
      let v83 = (v82 + a10);
      state[p.b9 + m5 * 2u] = v83;
      let v84 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u + 1u]);
      let v85 = (v84 + a11);
      state[p.b9 + m5 * 2u + 1u] = select(vec4<f32>(0.0), v85, vec4<bool>(true, true, false, false));
    }
    if (m + 6u < p.e3) {
      let v86 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u]);
      let v87 = (v86 + a12);
      state[p.b9 + m6 * 2u] = v87;
      let v88 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u + 1u]);
      let v89 = (v88 + a13);
      state[p.b9 + m6 * 2u + 1u] = select(vec4<f32>(0.0), v89, vec4<bool>(true, true, false, false));
    }
    if (m + 7u < p.e3) {
      let v90 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u]);
      let v91 = (v90 + a14);
      state[p.b9 + m7 * 2u] = v91;
      let v92 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u + 1u]);
      let v93 = (v92 + a15);
      state[p.b9 + m7 * 2u + 1u] = select(vec4<f32>(0.0), v93, vec4<bool>(true, true, false, false));
    }
  }
}
