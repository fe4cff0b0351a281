// Two compilers that share no code judge a shader: Naga (of wgpu and Firefox) and Tint (of Dawn and Chromium). What both
// take is WGSL, and not what one of them happens to accept.
import { NagaError, parseWgsl, validate } from "naga-wasm";

/** What Naga finds wrong, with the place; undefined where it finds nothing. */
export const validateByNaga = (wgsl: string): string | undefined => {
  try {
    // Naga does not know this directive yet, and takes without it what it enables.
    const module = parseWgsl(wgsl.replace(/^enable subgroups;$/m, ""));
    try {
      validate(module).free();
      return undefined;
    } finally {
      module.free();
    }
  } catch (thrown) {
    if (thrown instanceof NagaError) return thrown.formatted;
    throw thrown;
  }
};

/** What Tint finds wrong, with the places; undefined where it finds nothing. Warnings count. */
export const validateByTint = async (device: GPUDevice, wgsl: string): Promise<string | undefined> => {
  device.pushErrorScope("validation");
  const { messages } = await device.createShaderModule({ code: wgsl }).getCompilationInfo();
  const error = await device.popErrorScope();
  const found = messages
    .filter(({ type }) => type !== "info")
    .map(({ type, lineNum, linePos, message }) => `${type} at ${lineNum}:${linePos}: ${message}`);
  if (found.length > 0) return found.join("\n");
  return error?.message;
};
