// linear.narrow: products of few rows with matrices, with what is done to rows before and to results after
// ops: rmsNorm, linear, rotary, silu, mul
// for: linear
// in it
struct Parameters { f0: u32, f1: u32, e2: u32, e3: u32, b4: u32, b5: u32, b6: u32, b7: u32, b8: u32, b9: u32, b10: u32, b11: u32, b12: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> state: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> matrix: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> given: array<vec4<u32>>;
fn sigmoid4(x: vec4<f32>) -> vec4<f32> {
  return 1.0 / (1.0 + exp(-clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0))));
}
@compute @workgroup_size(32, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let u = p.f0 + group.x * 32u + local.x;
  let m = p.f1 + group.y + local.y;
  if (u < p.e2 && m < p.e3) {
    if (u < 2u) {
      var t0 = vec4<f32>(0.0);
      for (var k1 = 0u; k1 < 2u; k1++) {
        let v2 = bitcast<vec4<f32>>(given[p.b4 + m * 2u + k1]);
        t0 += v2 * v2;
      }
      let v3 = dot(t0, vec4<f32>(1.0)) / 8.0;
      let v4 = vec4<f32>(1.0 / sqrt(v3 + 0.000009999999747378752), 0.0, 0.0, 0.0);
      var a5 = vec4<f32>(0.0);
      var a6 = vec4<f32>(0.0);
      for (var k7 = 0u; k7 < 2u; k7++) {
        let v8 = bitcast<vec4<f32>>(given[p.b4 + m * 2u + k7]);
        let v9 = bitcast<vec4<f32>>(given[p.b5 + k7]);
        let v10 = v8 * v4.x * v9;
        let r11 = u * 8u;
        let v12 = matrix[p.b6 + r11 * 2u + k7];
        let r13 = (u * 8u + 1u);
        let v14 = matrix[p.b6 + r13 * 2u + k7];
        let r15 = (u * 8u + 2u);
        let v16 = matrix[p.b6 + r15 * 2u + k7];
        let r17 = (u * 8u + 3u);
        let v18 = matrix[p.b6 + r17 * 2u + k7];
        a5 += vec4<f32>(dot(v10, v12), dot(v10, v14), dot(v10, v16), dot(v10, v18));
        let r19 = (u * 8u + 4u);
        let v20 = matrix[p.b6 + r19 * 2u + k7];
        let r21 = (u * 8u + 5u);
        let v22 = matrix[p.b6 + r21 * 2u + k7];
        let r23 = (u * 8u + 6u);
        let v24 = matrix[p.b6 + r23 * 2u + k7];
        let r25 = (u * 8u + 7u);
        let v26 = matrix[p.b6 + r25 * 2u + k7];
        a6 += vec4<f32>(dot(v10, v20), dot(v10, v22), dot(v10, v24), dot(v10, v26));
      }
      let v27 = bitcast<vec4<f32>>(given[p.b7 + m]);
      let v28 = bitcast<vec4<f32>>(given[p.b8 + m]);
      let v29 = a5 * v27 - a6 * v28;
      state[p.b9 + m * 4u + u * 2u] = v29;
      let v30 = a6.x * v27.x + a5.x * v28.x;
      let v31 = a6.y * v27.y + a5.y * v28.y;
      let v32 = a6.z * v27.z + a5.z * v28.z;
      let v33 = a6.w * v27.w + a5.w * v28.w;
      let v34 = vec4<f32>(v30, v31, v32, v33);
      state[p.b9 + m * 4u + (u * 2u + 4u / 4u)] = v34;
    }
    if (u >= 2u && u < 3u) {
      let w = u - 2u;
      var t35 = vec4<f32>(0.0);
      for (var k36 = 0u; k36 < 2u; k36++) {
        let v37 = bitcast<vec4<f32>>(given[p.b4 + m * 2u + k36]);
        t35 += v37 * v37;
      }
      let v38 = dot(t35, vec4<f32>(1.0)) / 8.0;
      let v39 = vec4<f32>(1.0 / sqrt(v38 + 0.000009999999747378752), 0.0, 0.0, 0.0);
      var a40 = vec4<f32>(0.0);
      var a41 = vec4<f32>(0.0);
      var a42 = vec4<f32>(0.0);
      var a43 = vec4<f32>(0.0);
      for (var k44 = 0u; k44 < 2u; k44++) {
        let v45 = bitcast<vec4<f32>>(given[p.b4 + m * 2u + k44]);
        let v46 = bitcast<vec4<f32>>(given[p.b5 + k44]);
        let v47 = v45 * v39.x * v46;
        let r48 = min(0u, 4u);
        let v49 = matrix[p.b10 + r48 * 2u + k44];
        let r50 = min(1u, 4u);
        let v51 = matrix[p.b10 + r50 * 2u + k44];
        let r52 = min(2u, 4u);
        let v53 = matrix[p.b10 + r52 * 2u + k44];
        let r54 = min(3u, 4u);
        let v55 = matrix[p.b10 + r54 * 2u + k44];
        a40 += vec4<f32>(dot(v47, v49), dot(v47, v51), dot(v47, v53), dot(v47, v55));
        let r56 = min(4u, 4u);
        let v57 = matrix[p.b10 + r56 * 2u + k44];
        let r58 = min(5u, 4u);
        let v59 = matrix[p.b10 + r58 * 2u + k44];
        let r60 = min(6u, 4u);
        let v61 = matrix[p.b10 + r60 * 2u + k44];
        let r62 = min(7u, 4u);
        let v63 = matrix[p.b10 + r62 * 2u + k44];
        a41 += vec4<f32>(dot(v47, v57), dot(v47, v59), dot(v47, v61), dot(v47, v63));
        let v64 = matrix[p.b11 + r48 * 2u + k44];
        let v65 = matrix[p.b11 + r50 * 2u + k44];
        let v66 = matrix[p.b11 + r52 * 2u + k44];
        let v67 = matrix[p.b11 + r54 * 2u + k44];
        a42 += vec4<f32>(dot(v47, v64), dot(v47, v65), dot(v47, v66), dot(v47, v67));
        let v68 = matrix[p.b11 + r56 * 2u + k44];
        let v69 = matrix[p.b11 + r58 * 2u + k44];
        let v70 = matrix[p.b11 + r60 * 2u + k44];
        let v71 = matrix[p.b11 + r62 * 2u + k44];
        a43 += vec4<f32>(dot(v47, v68), dot(v47, v69), dot(v47, v70), dot(v47, v71));
      }
      let v72 = (a40 * sigmoid4(a40));
      let v73 = (v72 * a42);
      let c74 = 0u;
      state[p.b12 + m * 2u] = select(vec4<f32>(0.0), v73, vec4<u32>(0u, 1u, 2u, 3u) + c74 * 4u < vec4<u32>(5u));
      let v75 = (a41 * sigmoid4(a41));
      let v76 = (v75 * a43);
      let c77 = 1u;
      state[p.b12 + m * 2u + 1u] = select(vec4<f32>(0.0), v76, vec4<u32>(0u, 1u, 2u, 3u) + c77 * 4u < vec4<u32>(5u));
    }
  }
}
