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
  let m = p.f1 + group.y * 128u + local.y * 16u;
  if (u < p.e2 && m < p.e3) {
    let m0 = min(m, p.e3 - 1u);
    let m1 = min(m + 1u, p.e3 - 1u);
    let m2 = min(m + 2u, p.e3 - 1u);
    let m3 = min(m + 3u, p.e3 - 1u);
    let m4 = min(m + 4u, p.e3 - 1u);
    let m5 = min(m + 5u, p.e3 - 1u);
    let m6 = min(m + 6u, p.e3 - 1u);
    let m7 = min(m + 7u, p.e3 - 1u);
    let m8 = min(m + 8u, p.e3 - 1u);
    let m9 = min(m + 9u, p.e3 - 1u);
    let m10 = min(m + 10u, p.e3 - 1u);
    let m11 = min(m + 11u, p.e3 - 1u);
    let m12 = min(m + 12u, p.e3 - 1u);
    let m13 = min(m + 13u, p.e3 - 1u);
    let m14 = min(m + 14u, p.e3 - 1u);
    let m15 = min(m + 15u, p.e3 - 1u);
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
    var a16 = vec4<f32>(0.0);
    var a17 = vec4<f32>(0.0);
    var a18 = vec4<f32>(0.0);
    var a19 = vec4<f32>(0.0);
    var a20 = vec4<f32>(0.0);
    var a21 = vec4<f32>(0.0);
    var a22 = vec4<f32>(0.0);
    var a23 = vec4<f32>(0.0);
    var a24 = vec4<f32>(0.0);
    var a25 = vec4<f32>(0.0);
    var a26 = vec4<f32>(0.0);
    var a27 = vec4<f32>(0.0);
    var a28 = vec4<f32>(0.0);
    var a29 = vec4<f32>(0.0);
    var a30 = vec4<f32>(0.0);
    var a31 = vec4<f32>(0.0);
    var w32: u32;
    var w33: u32;
    var w34: u32;
    w32 = p.b4;
    let r35 = 1u * 4u;
    w33 = p.b4 + r35 * 2u;
    w34 = p.b4 + 10u;
    for (var k36 = 0u; k36 < 2u; k36++) {
      let v37 = state[p.b5 + m0];
      let v38 = bitcast<vec4<f32>>(given[p.b6 + m0 * 2u + k36]);
      let v39 = bitcast<vec4<f32>>(given[p.b7 + k36]);
      let v40 = v38 * v37.x * v39;
      let v41 = state[p.b5 + m1];
      let v42 = bitcast<vec4<f32>>(given[p.b6 + m1 * 2u + k36]);
      let v43 = v42 * v41.x * v39;
      let v44 = state[p.b5 + m2];
      let v45 = bitcast<vec4<f32>>(given[p.b6 + m2 * 2u + k36]);
      let v46 = v45 * v44.x * v39;
      let v47 = state[p.b5 + m3];
      let v48 = bitcast<vec4<f32>>(given[p.b6 + m3 * 2u + k36]);
      let v49 = v48 * v47.x * v39;
      let v50 = state[p.b5 + m4];
      let v51 = bitcast<vec4<f32>>(given[p.b6 + m4 * 2u + k36]);
      let v52 = v51 * v50.x * v39;
      let v53 = state[p.b5 + m5];
      let v54 = bitcast<vec4<f32>>(given[p.b6 + m5 * 2u + k36]);
      let v55 = v54 * v53.x * v39;
      let v56 = state[p.b5 + m6];
      let v57 = bitcast<vec4<f32>>(given[p.b6 + m6 * 2u + k36]);
      let v58 = v57 * v56.x * v39;
      let v59 = state[p.b5 + m7];
      let v60 = bitcast<vec4<f32>>(given[p.b6 + m7 * 2u + k36]);
      let v61 = v60 * v59.x * v39;
      let v62 = state[p.b5 + m8];
      let v63 = bitcast<vec4<f32>>(given[p.b6 + m8 * 2u + k36]);
      let v64 = v63 * v62.x * v39;
      let v65 = state[p.b5 + m9];
      let v66 = bitcast<vec4<f32>>(given[p.b6 + m9 * 2u + k36]);
      let v67 = v66 * v65.x * v39;
      let v68 = state[p.b5 + m10];
      let v69 = bitcast<vec4<f32>>(given[p.b6 + m10 * 2u + k36]);
      let v70 = v69 * v68.x * v39;
      let v71 = state[p.b5 + m11];
      let v72 = bitcast<vec4<f32>>(given[p.b6 + m11 * 2u + k36]);
      let v73 = v72 * v71.x * v39;
      let v74 = state[p.b5 + m12];
      let v75 = bitcast<vec4<f32>>(given[p.b6 + m12 * 2u + k36]);
      let v76 = v75 * v74.x * v39;
      let v77 = state[p.b5 + m13];
      let v78 = bitcast<vec4<f32>>(given[p.b6 + m13 * 2u + k36]);
      let v79 = v78 * v77.x * v39;
      let v80 = state[p.b5 + m14];
      let v81 = bitcast<vec4<f32>>(given[p.b6 + m14 * 2u + k36]);
      let v82 = v81 * v80.x * v39;
      let v83 = state[p.b5 + m15];
      let v84 = bitcast<vec4<f32>>(given[p.b6 + m15 * 2u + k36]);
      let v85 = v84 * v83.x * v39;
      let r86 = min(w32, w34);
      let v87 = matrix[r86 + k36];
      let r88 = min(w32 + 2u, w34);
      let v89 = matrix[r88 + k36];
      let r90 = min(w32 + 4u, w34);
      let v91 = matrix[r90 + k36];
      let r92 = min(w32 + 6u, w34);
      let v93 = matrix[r92 + k36];
      a0 += vec4<f32>(dot(v40, v87), dot(v40, v89), dot(v40, v91), dot(v40, v93));
      a2 += vec4<f32>(dot(v43, v87), dot(v43, v89), dot(v43, v91), dot(v43, v93));
      a4 += vec4<f32>(dot(v46, v87), dot(v46, v89), dot(v46, v91), dot(v46, v93));
      a6 += vec4<f32>(dot(v49, v87), dot(v49, v89), dot(v49, v91), dot(v49, v93));
      a8 += vec4<f32>(dot(v52, v87), dot(v52, v89), dot(v52, v91), dot(v52, v93));
      a10 += vec4<f32>(dot(v55, v87), dot(v55, v89), dot(v55, v91), dot(v55, v93));
      a12 += vec4<f32>(dot(v58, v87), dot(v58, v89), dot(v58, v91), dot(v58, v93));
      a14 += vec4<f32>(dot(v61, v87), dot(v61, v89), dot(v61, v91), dot(v61, v93));
      a16 += vec4<f32>(dot(v64, v87), dot(v64, v89), dot(v64, v91), dot(v64, v93));
      a18 += vec4<f32>(dot(v67, v87), dot(v67, v89), dot(v67, v91), dot(v67, v93));
      a20 += vec4<f32>(dot(v70, v87), dot(v70, v89), dot(v70, v91), dot(v70, v93));
      a22 += vec4<f32>(dot(v73, v87), dot(v73, v89), dot(v73, v91), dot(v73, v93));
      a24 += vec4<f32>(dot(v76, v87), dot(v76, v89), dot(v76, v91), dot(v76, v93));
      a26 += vec4<f32>(dot(v79, v87), dot(v79, v89), dot(v79, v91), dot(v79, v93));
      a28 += vec4<f32>(dot(v82, v87), dot(v82, v89), dot(v82, v91), dot(v82, v93));
      a30 += vec4<f32>(dot(v85, v87), dot(v85, v89), dot(v85, v91), dot(v85, v93));
      let r94 = min(w33, w34);
      let v95 = matrix[r94 + k36];
      let r96 = min(w33 + 2u, w34);
      let v97 = matrix[r96 + k36];
      let r98 = min(w33 + 4u, w34);
      let v99 = matrix[r98 + k36];
      let r100 = min(w33 + 6u, w34);
      let v101 = matrix[r100 + k36];
      a1 += vec4<f32>(dot(v40, v95), dot(v40, v97), dot(v40, v99), dot(v40, v101));
      a3 += vec4<f32>(dot(v43, v95), dot(v43, v97), dot(v43, v99), dot(v43, v101));
      a5 += vec4<f32>(dot(v46, v95), dot(v46, v97), dot(v46, v99), dot(v46, v101));
      a7 += vec4<f32>(dot(v49, v95), dot(v49, v97), dot(v49, v99), dot(v49, v101));
      a9 += vec4<f32>(dot(v52, v95), dot(v52, v97), dot(v52, v99), dot(v52, v101));
      a11 += vec4<f32>(dot(v55, v95), dot(v55, v97), dot(v55, v99), dot(v55, v101));
      a13 += vec4<f32>(dot(v58, v95), dot(v58, v97), dot(v58, v99), dot(v58, v101));
      a15 += vec4<f32>(dot(v61, v95), dot(v61, v97), dot(v61, v99), dot(v61, v101));
      a17 += vec4<f32>(dot(v64, v95), dot(v64, v97), dot(v64, v99), dot(v64, v101));
      a19 += vec4<f32>(dot(v67, v95), dot(v67, v97), dot(v67, v99), dot(v67, v101));
      a21 += vec4<f32>(dot(v70, v95), dot(v70, v97), dot(v70, v99), dot(v70, v101));
      a23 += vec4<f32>(dot(v73, v95), dot(v73, v97), dot(v73, v99), dot(v73, v101));
      a25 += vec4<f32>(dot(v76, v95), dot(v76, v97), dot(v76, v99), dot(v76, v101));
      a27 += vec4<f32>(dot(v79, v95), dot(v79, v97), dot(v79, v99), dot(v79, v101));
      a29 += vec4<f32>(dot(v82, v95), dot(v82, v97), dot(v82, v99), dot(v82, v101));
      a31 += vec4<f32>(dot(v85, v95), dot(v85, v97), dot(v85, v99), dot(v85, v101));
    }
    if (m < p.e3) {
      let v102 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u]);
      let v103 = (v102 + a0);
      state[p.b9 + m0 * 2u] = v103;
      let v104 = bitcast<vec4<f32>>(given[p.b8 + m0 * 2u + 1u]);
      let v105 = (v104 + a1);
      state[p.b9 + m0 * 2u + 1u] = select(vec4<f32>(0.0), v105, vec4<bool>(true, true, false, false));
    }
    if (m + 1u < p.e3) {
      let v106 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u]);
      let v107 = (v106 + a2);
      state[p.b9 + m1 * 2u] = v107;
      let v108 = bitcast<vec4<f32>>(given[p.b8 + m1 * 2u + 1u]);
      let v109 = (v108 + a3);
      state[p.b9 + m1 * 2u + 1u] = select(vec4<f32>(0.0), v109, vec4<bool>(true, true, false, false));
    }
    if (m + 2u < p.e3) {
      let v110 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u]);
      let v111 = (v110 + a4);
      state[p.b9 + m2 * 2u] = v111;
      let v112 = bitcast<vec4<f32>>(given[p.b8 + m2 * 2u + 1u]);
      let v113 = (v112 + a5);
      state[p.b9 + m2 * 2u + 1u] = select(vec4<f32>(0.0), v113, vec4<bool>(true, true, false, false));
    }
    if (m + 3u < p.e3) {
      let v114 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u]);
      let v115 = (v114 + a6);
      state[p.b9 + m3 * 2u] = v115;
      let v116 = bitcast<vec4<f32>>(given[p.b8 + m3 * 2u + 1u]);
      let v117 = (v116 + a7);
      state[p.b9 + m3 * 2u + 1u] = select(vec4<f32>(0.0), v117, vec4<bool>(true, true, false, false));
    }
    if (m + 4u < p.e3) {
      let v118 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u]);
      let v119 = (v118 + a8);
      state[p.b9 + m4 * 2u] = v119;
      let v120 = bitcast<vec4<f32>>(given[p.b8 + m4 * 2u + 1u]);
      let v121 = (v120 + a9);
      state[p.b9 + m4 * 2u + 1u] = select(vec4<f32>(0.0), v121, vec4<bool>(true, true, false, false));
    }
    if (m + 5u < p.e3) {
      let v122 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u]);
      let v123 = (v122 + a10);
      state[p.b9 + m5 * 2u] = v123;
      let v124 = bitcast<vec4<f32>>(given[p.b8 + m5 * 2u + 1u]);
      let v125 = (v124 + a11);
      state[p.b9 + m5 * 2u + 1u] = select(vec4<f32>(0.0), v125, vec4<bool>(true, true, false, false));
    }
    if (m + 6u < p.e3) {
      let v126 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u]);
      let v127 = (v126 + a12);
      state[p.b9 + m6 * 2u] = v127;
      let v128 = bitcast<vec4<f32>>(given[p.b8 + m6 * 2u + 1u]);
      let v129 = (v128 + a13);
      state[p.b9 + m6 * 2u + 1u] = select(vec4<f32>(0.0), v129, vec4<bool>(true, true, false, false));
    }
    if (m + 7u < p.e3) {
      let v130 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u]);
      let v131 = (v130 + a14);
      state[p.b9 + m7 * 2u] = v131;
      let v132 = bitcast<vec4<f32>>(given[p.b8 + m7 * 2u + 1u]);
      let v133 = (v132 + a15);
      state[p.b9 + m7 * 2u + 1u] = select(vec4<f32>(0.0), v133, vec4<bool>(true, true, false, false));
    }
    if (m + 8u < p.e3) {
      let v134 = bitcast<vec4<f32>>(given[p.b8 + m8 * 2u]);
      let v135 = (v134 + a16);
      state[p.b9 + m8 * 2u] = v135;
      let v136 = bitcast<vec4<f32>>(given[p.b8 + m8 * 2u + 1u]);
      let v137 = (v136 + a17);
      state[p.b9 + m8 * 2u + 1u] = select(vec4<f32>(0.0), v137, vec4<bool>(true, true, false, false));
    }
    if (m + 9u < p.e3) {
      let v138 = bitcast<vec4<f32>>(given[p.b8 + m9 * 2u]);
      let v139 = (v138 + a18);
      state[p.b9 + m9 * 2u] = v139;
      let v140 = bitcast<vec4<f32>>(given[p.b8 + m9 * 2u + 1u]);
      let v141 = (v140 + a19);
      state[p.b9 + m9 * 2u + 1u] = select(vec4<f32>(0.0), v141, vec4<bool>(true, true, false, false));
    }
    if (m + 10u < p.e3) {
      let v142 = bitcast<vec4<f32>>(given[p.b8 + m10 * 2u]);
      let v143 = (v142 + a20);
      state[p.b9 + m10 * 2u] = v143;
      let v144 = bitcast<vec4<f32>>(given[p.b8 + m10 * 2u + 1u]);
      let v145 = (v144 + a21);
      state[p.b9 + m10 * 2u + 1u] = select(vec4<f32>(0.0), v145, vec4<bool>(true, true, false, false));
    }
    if (m + 11u < p.e3) {
      let v146 = bitcast<vec4<f32>>(given[p.b8 + m11 * 2u]);
      let v147 = (v146 + a22);
      state[p.b9 + m11 * 2u] = v147;
      let v148 = bitcast<vec4<f32>>(given[p.b8 + m11 * 2u + 1u]);
      let v149 = (v148 + a23);
      state[p.b9 + m11 * 2u + 1u] = select(vec4<f32>(0.0), v149, vec4<bool>(true, true, false, false));
    }
    if (m + 12u < p.e3) {
      let v150 = bitcast<vec4<f32>>(given[p.b8 + m12 * 2u]);
      let v151 = (v150 + a24);
      state[p.b9 + m12 * 2u] = v151;
      let v152 = bitcast<vec4<f32>>(given[p.b8 + m12 * 2u + 1u]);
      let v153 = (v152 + a25);
      state[p.b9 + m12 * 2u + 1u] = select(vec4<f32>(0.0), v153, vec4<bool>(true, true, false, false));
    }
    if (m + 13u < p.e3) {
      let v154 = bitcast<vec4<f32>>(given[p.b8 + m13 * 2u]);
      let v155 = (v154 + a26);
      state[p.b9 + m13 * 2u] = v155;
      let v156 = bitcast<vec4<f32>>(given[p.b8 + m13 * 2u + 1u]);
      let v157 = (v156 + a27);
      state[p.b9 + m13 * 2u + 1u] = select(vec4<f32>(0.0), v157, vec4<bool>(true, true, false, false));
    }
    if (m + 14u < p.e3) {
      let v158 = bitcast<vec4<f32>>(given[p.b8 + m14 * 2u]);
      let v159 = (v158 + a28);
      state[p.b9 + m14 * 2u] = v159;
      let v160 = bitcast<vec4<f32>>(given[p.b8 + m14 * 2u + 1u]);
      let v161 = (v160 + a29);
      state[p.b9 + m14 * 2u + 1u] = select(vec4<f32>(0.0), v161, vec4<bool>(true, true, false, false));
    }
    if (m + 15u < p.e3) {
      let v162 = bitcast<vec4<f32>>(given[p.b8 + m15 * 2u]);
      let v163 = (v162 + a30);
      state[p.b9 + m15 * 2u] = v163;
      let v164 = bitcast<vec4<f32>>(given[p.b8 + m15 * 2u + 1u]);
      let v165 = (v164 + a31);
      state[p.b9 + m15 * 2u + 1u] = select(vec4<f32>(0.0), v165, vec4<bool>(true, true, false, false));
    }
  }
}
