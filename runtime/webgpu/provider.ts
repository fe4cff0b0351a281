// Where WebGPU comes from: the platform (`navigator.gpu` of a browser), or in Node the optional package `webgpu`, which is
// Dawn, the WebGPU of Chromium.
import { Failure } from "../failure.ts";
import { loadPackage } from "../package.ts";

/** Switches of Dawn, by their names there; Node only. */
export interface Toggles {
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
}

/**
 * What `create` gave, for each set of toggles, kept for the life of the process: when Node collects such an object while
 * its worker threads run, the process is aborted.
 */
const created = new Map<string, GPU>();

const isNode = (): boolean => typeof process !== "undefined" && typeof process.versions?.node === "string";

/** The entry to WebGPU. @throws Failure "package" in Node without the package, "device" in a browser without WebGPU */
export const openProvider = async (toggles: Toggles = {}): Promise<GPU> => {
  const own = (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
  const options = [
    ...option("enable-dawn-features", toggles.enable),
    ...option("disable-dawn-features", toggles.disable),
  ];
  if (own !== undefined && options.length === 0) return own;
  if (!isNode()) {
    if (own !== undefined) throw new Failure("call", "a browser has no toggles: it sets them itself");
    throw new Failure(
      "device",
      "this browser has no WebGPU",
      "use a current Chrome, Edge, Safari or Firefox, and a page from https or localhost",
    );
  }
  const { create } = await loadWebgpu();
  const key = options.join(" ");
  const known = created.get(key);
  if (known !== undefined) return known;
  const made = create(options);
  created.set(key, made);
  return made;
};

const option = (name: string, values: readonly string[] = []): string[] =>
  values.length === 0 ? [] : [`${name}=${values.join(",")}`];

export const loadWebgpu = (): Promise<{ create(options: string[]): GPU }> =>
  loadPackage("webgpu", "running on a GPU", () => import("webgpu"));
