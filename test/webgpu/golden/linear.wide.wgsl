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
      let r42 = min(0u, 5u);
      let v43 = matrix[p.b7 + r42 * 2u + k16];
      let r44 = min(1u, 5u);
      let v45 = matrix[p.b7 + r44 * 2u + k16];
      let r46 = min(2u, 5u);
      let v47 = matrix[p.b7 + r46 * 2u + k16];
      let r48 = min(3u, 5u);
      let v49 = matrix[p.b7 + r48 * 2u + k16];
      a0 += vec4<f32>(dot(v20, v43), dot(v20, v45), dot(v20, v47), dot(v20, v49));
      a2 += vec4<f32>(dot(v23, v43), dot(v23, v45), dot(v23, v47), dot(v23, v49));
      a4 += vec4<f32>(dot(v26, v43), dot(v26, v45), dot(v26, v47), dot(v26, v49));
      a6 += vec4<f32>(dot(v29, v43), dot(v29, v45), dot(v29, v47), dot(v29, v49));
      a8 += vec4<f32>(dot(v32, v43), dot(v32, v45), dot(v32, v47), dot(v32, v49));
      a10 += vec4<f32>(dot(v35, v43), dot(v35, v45), dot(v35, v47), dot(v35, v49));
      a12 += vec4<f32>(dot(v38, v43), dot(v38, v45), dot(v38, v47), dot(v38, v49));
      a14 += vec4<f32>(dot(v41, v43), dot(v41, v45), dot(v41, v47), dot(v41, v49));
      let r50 = min(4u, 5u);
      let v51 = matrix[p.b7 + r50 * 2u + k16];
      let r52 = min(5u, 5u);
      let v53 = matrix[p.b7 + r52 * 2u + k16];
      let r54 = min(6u, 5u);
      let v55 = matrix[p.b7 + r54 * 2u + k16];
      let r56 = min(7u, 5u);
      let v57 = matrix[p.b7 + r56 * 2u + k16];
      a1 += vec4<f32>(dot(v20, v51), dot(v20, v53), dot(v20, v55), dot(v20, v57));
      a3 += vec4<f32>(dot(v23, v51), dot(v23, v53), dot(v23, v55), dot(v23, v57));
      a5 += vec4<f32>(dot(v26, v51), dot(v26, v53), dot(v26, v55), dot(v26, v57));
      a7 += vec4<f32>(dot(v29, v51), dot(v29, v53), dot(v29, v55), dot(v29, v57));
      a9 += vec4<f32>(dot(v32, v51), dot(v32, v53), dot(v32, v55), dot(v32, v57));
      a11 += vec4<f32>(dot(v35, v51), dot(v35, v53), dot(v35, v55), dot(v35, v57));
      a13 += vec4<f32>(dot(v38, v51), dot(v38, v53), dot(v38, v55), dot(v38, v57));
      a15 += vec4<f32>(dot(v41, v51), dot(v41, v53), dot(v41, v55), dot(v41, v57));
    }
    if (m < p.e3) {
      let v58 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u]);
      let v59 = (v58 + a0);
      let c60 = 0u;
      state[p.b9 + m0 * 2u] = select(vec4<f32>(0.0), v59, vec4<u32>(0u, 1u, 2u, 3u) + c60 * 4u < vec4<u32>(6u));
      let v61 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u + 1u]);
      let v62 = (v61 + a1);
      let c63 = 1u;
      state[p.b9 + m0 * 2u + 1u] = select(vec4<f32>(0.0), v62, vec4<u32>(0u, 1u, 2u, 3u) + c63 * 4u < vec4<u32>(6u));
    }
    if (m + 1u < p.e3) {
      let v64 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u]);
      let v65 = (v64 + a2);
      let c66 = 0u;
      state[p.b9 + m1 * 2u] = select(vec4<f32>(0.0), v65, vec4<u32>(0u, 1u, 2u, 3u) + c66 * 4u < vec4<u32>(6u));
      let v67 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u + 1u]);
      let v68 = (v67 + a3);
      let c69 = 1u;
      state[p.b9 + m1 * 2u + 1u] = select(vec4<f32>(0.0), v68, vec4<u32>(0u, 1u, 2u, 3u) + c69 * 4u < vec4<u32>(6u));
    }
    if (m + 2u < p.e3) {
      let v70 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u]);
      let v71 = (v70 + a4);
      let c72 = 0u;
      state[p.b9 + m2 * 2u] = select(vec4<f32>(0.0), v71, vec4<u32>(0u, 1u, 2u, 3u) + c72 * 4u < vec4<u32>(6u));
      let v73 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u + 1u]);
      let v74 = (v73 + a5);
      let c75 = 1u;
      state[p.b9 + m2 * 2u + 1u] = select(vec4<f32>(0.0), v74, vec4<u32>(0u, 1u, 2u, 3u) + c75 * 4u < vec4<u32>(6u));
    }
    if (m + 3u < p.e3) {
      let v76 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u]);
      let v77 = (v76 + a6);
      let c78 = 0u;
      state[p.b9 + m3 * 2u] = select(vec4<f32>(0.0), v77, vec4<u32>(0u, 1u, 2u, 3u) + c78 * 4u < vec4<u32>(6u));
      let v79 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u + 1u]);
      let v80 = (v79 + a7);
      let c81 = 1u;
      state[p.b9 + m3 * 2u + 1u] = select(vec4<f32>(0.0), v80, vec4<u32>(0u, 1u, 2u, 3u) + c81 * 4u < vec4<u32>(6u));
    }
    if (m + 4u < p.e3) {
      let v82 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u]);
      let v83 = (v82 + a8);
      let c84 = 0u;
      state[p.b9 + m4 * 2u] = select(vec4<f32>(0.0), v83, vec4<u32>(0u, 1u, 2u, 3u) + c84 * 4u < vec4<u32>(6u));
      let v85 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u + 1u]);
      let v86 = (v85 + a9);
      let c87 = 1u;
      state[p.b9 + m4 * 2u + 1u] = select(vec4<f32>(0.0), v86, vec4<u32>(0u, 1u, 2u, 3u) + c87 * 4u < vec4<u32>(6u));
    }
    if (m + 5u < p.e3) {
      let v88 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u]);
      let v89 = (v88 + a10);
      let c90 = 0u;
      state[p.b9 + m5 * 2u] = select(vec4<f32>(0.0), v89, vec4<u32>(0u, 1u, 2u, 3u) + c90 * 4u < vec4<u32>(6u));
      let v91 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u + 1u]);
      let v92 = (v91 + a11);
      let c93 = 1u;
      state[p.b9 + m5 * 2u + 1u] = select(vec4<f32>(0.0), v92, vec4<u32>(0u, 1u, 2u, 3u) + c93 * 4u < vec4<u32>(6u));
    }
    if (m + 6u < p.e3) {
      let v94 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u]);
      let v95 = (v94 + a12);
      let c96 = 0u;
      state[p.b9 + m6 * 2u] = select(vec4<f32>(0.0), v95, vec4<u32>(0u, 1u, 2u, 3u) + c96 * 4u < vec4<u32>(6u));
      let v97 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u + 1u]);
      let v98 = (v97 + a13);
      let c99 = 1u;
      state[p.b9 + m6 * 2u + 1u] = select(vec4<f32>(0.0), v98, vec4<u32>(0u, 1u, 2u, 3u) + c99 * 4u < vec4<u32>(6u));
    }
    if (m + 7u < p.e3) {
      let v100 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u]);
      let v101 = (v100 + a14);
      let c102 = 0u;
      state[p.b9 + m7 * 2u] = select(vec4<f32>(0.0), v101, vec4<u32>(0u, 1u, 2u, 3u) + c102 * 4u < vec4<u32>(6u));
      let v103 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u + 1u]);
      let v104 = (v103 + a15);
      let c105 = 1u;
      state[p.b9 + m7 * 2u + 1u] = select(vec4<f32>(0.0), v104, vec4<u32>(0u, 1u, 2u, 3u) + c105 * 4u < vec4<u32>(6u));
    }
  }
}
