// What calls itself graftwerk, and what it needs; a test holds it to package.json.

export const version = "0.1.0";
export const tool = `graftwerk ${version}`;
export const nodeWanted = "20.19";
export const packagesWanted = { "onnxruntime-node": "1.30.0", sharp: "0.35.5", webgpu: "0.6.2" } as const;
