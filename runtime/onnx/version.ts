// Which ONNX Runtime is installed and on what it can run: for people who ask what is missing.
import { loadPackage } from "../package.ts";

/** @throws Failure "package" where it is missing or does not load */
export const onnxRuntime = async (): Promise<{ readonly version: string; readonly providers: readonly string[] }> => {
  const loaded = await loadPackage("onnxruntime-node", "running ONNX graphs", () => import("onnxruntime-node"));
  const ort = "default" in loaded ? (loaded.default as typeof loaded) : loaded;
  return { version: ort.env.versions.node ?? "", providers: ort.listSupportedBackends().map(({ name }) => name) };
};
