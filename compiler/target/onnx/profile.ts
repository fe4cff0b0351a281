// What each kind of reader of an ONNX file does well. The reasons are measurements of ONNX Runtime 1.30.
import { keyStreams } from "../../ir/attention.ts";
import type { Node } from "../../ir/node.ts";

export type ProfileName = "ort-cpu" | "portable" | "ort-webgpu";
export interface Profile {
  readonly opset: number;
  /** the version of the file format that came with that opset */
  readonly ir: number;
  /** whether Range is done where the rest is */
  readonly range: boolean;
  /** composites that ONNX has but this reader does not do well */
  readonly expands: (n: Node) => boolean;
}

/** Reads a cache: to join that with the new rows would copy it at every call (measured: 5 times the time at 1,024 rows). */
const readsCache = (n: Node): boolean => {
  if (n.op !== "attention") return false;
  return keyStreams(n.src).some(({ k }) => {
    let at: Node = k;
    while (at.op === "merge" || at.op === "transpose" || at.op === "split") at = at.src[0]!;
    return at.op === "input";
  });
};

export const profiles: Record<ProfileName, Profile> = {
  "ort-cpu": { opset: 24, ir: 12, range: true, expands: readsCache },
  // The first text of Attention-23 masks before the softcap, which undoes the mask; later ones and ONNX Runtime after it.
  portable: {
    opset: 23,
    ir: 11,
    range: true,
    expands: (n) => (n.op === "attention" && n.attrs.softcap !== undefined) || readsCache(n),
  },
  // Attention and Range would leave the GPU; so would Pad and Transpose of later opsets.
  "ort-webgpu": { opset: 23, ir: 11, range: false, expands: (n) => n.op === "attention" },
};
