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
      let v30 = a6 * v27 + a5 * v28;
      state[p.b9 + m * 4u + (u * 2u + 1u)] = v30;
    }
    if (u >= 2u && u < 3u) {
      let w = u - 2u;
      var t31 = vec4<f32>(0.0);
      for (var k32 = 0u; k32 < 2u; k32++) {
        let v33 = bitcast<vec4<f32>>(given[p.b4 + m * 2u + k32]);
        t31 += v33 * v33;
      }
      let v34 = dot(t31, vec4<f32>(1.0)) / 8.0;
      let v35 = vec4<f32>(1.0 / sqrt(v34 + 0.000009999999747378752), 0.0, 0.0, 0.0);
      var a36 = vec4<f32>(0.0);
      var a37 = vec4<f32>(0.0);
      var a38 = vec4<f32>(0.0);
      var a39 = vec4<f32>(0.0);
      for (var k40 = 0u; k40 < 2u; k40++) {
        let v41 = bitcast<vec4<f32>>(given[p.b4 + m * 2u + k40]);
        let v42 = bitcast<vec4<f32>>(given[p.b5 + k40]);
        let v43 = v41 * v35.x * v42;
        let v44 = matrix[p.b10 + k40];
        let v45 = matrix[p.b10 + 2u + k40];
        let v46 = matrix[p.b10 + 4u + k40];
        let v47 = matrix[p.b10 + 6u + k40];
        a36 += vec4<f32>(dot(v43, v44), dot(v43, v45), dot(v43, v46), dot(v43, v47));
        let v48 = matrix[p.b10 + 8u + k40];
        a37 += vec4<f32>(dot(v43, v48), dot(v43, v48), dot(v43, v48), dot(v43, v48));
        let v49 = matrix[p.b11 + k40];
        let v50 = matrix[p.b11 + 2u + k40];
        let v51 = matrix[p.b11 + 4u + k40];
        let v52 = matrix[p.b11 + 6u + k40];
        a38 += vec4<f32>(dot(v43, v49), dot(v43, v50), dot(v43, v51), dot(v43, v52));
        let v53 = matrix[p.b11 + 8u + k40];
        a39 += vec4<f32>(dot(v43, v53), dot(v43, v53), dot(v43, v53), dot(v43, v53));
      }
      let v54 = (a36 * sigmoid4(a36));
      let v55 = (v54 * a38);
      state[p.b12 + m * 2u] = v55;
      let v56 = (a37 * sigmoid4(a37));
      let v57 = (v56 * a39);
      state[p.b12 + m * 2u + 1u] = select(vec4<f32>(0.0), v57, vec4<bool>(true, false, false, false));
    }
  }
}
