// A GPU ready for work: adapter and device in one, with all the limits and features that the hardware has, in our words.
import { Failure } from "../failure.ts";
import { checkLimits, LIMITS, type Limits, limitsOf, narrowed } from "./limits.ts";
import { openProvider, type Toggles } from "./provider.ts";

/** Optional features that kernels have variants for. */
export const FEATURES = ["subgroups", "shader-f16", "timestamp-query"] as const;
export type Feature = (typeof FEATURES)[number];

export interface FindOptions {
  /** The one that is wanted where a machine has several; the faster by default. */
  readonly power?: "high-performance" | "low-power";
  /** Switches of Dawn, in Node. */
  readonly toggles?: Toggles;
}

export interface AdapterOptions extends FindOptions {
  /** Features to have where the hardware has them; all of `FEATURES` by default. */
  readonly features?: readonly Feature[];
  /** What must be there. */
  readonly needs?: { readonly limits?: Partial<Limits>; readonly features?: readonly Feature[] };
  /** Lower limits than the hardware's, to be kept by whoever plans for this adapter. */
  readonly limits?: Partial<Limits>;
  /**
   * `compatibility` makes a device with the smaller defaults of WebGPU's compatibility mode, and then asks for no more:
   * 128 invocations in a workgroup. For tests of what small hardware refuses.
   */
  readonly level?: "core" | "compatibility";
  /** Called with what the device finds wrong outside of an error scope; without it Dawn and browsers print it. */
  readonly onError?: (message: string) => void;
}

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** a processor that acts as a GPU */
  readonly software: boolean;
  /** of a subgroup, the least and the most invocations; 0 where there are none */
  readonly subgroup: readonly [least: number, most: number];
}

/** How a device ended: `closed` by `close`, or `lost`. */
export interface Loss {
  readonly reason: "closed" | "lost";
  readonly message: string;
}

/** An adapter without a device: to look at. */
export interface Found {
  readonly adapter: GPUAdapter;
  readonly info: AdapterInfo;
  readonly limits: Limits;
  /** every feature of the hardware */
  readonly features: readonly string[];
}

export interface Adapter {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
  /** what the device allows, or less where less was asked for */
  readonly limits: Limits;
  /** those that the device has */
  readonly features: ReadonlySet<Feature>;
  /** Settles when the device is of no use any more; never rejects. */
  readonly lost: Promise<Loss>;
  /** Frees everything on the device. */
  close(): void;
}

/** What names an adapter in messages. */
export const nameOf = ({ vendor, architecture, description, device }: AdapterInfo): string =>
  description || [vendor, architecture].filter((part) => part !== "").join(" ") || device || "without a name";

const infoOf = (found: GPUAdapter): AdapterInfo => {
  const {
    vendor,
    architecture,
    device,
    description,
    isFallbackAdapter,
    subgroupMinSize = 0,
    subgroupMaxSize = 0,
  } = found.info;
  const subgroup = found.features.has("subgroups") ? ([subgroupMinSize, subgroupMaxSize] as const) : ([0, 0] as const);
  return { vendor, architecture, device, description, software: isFallbackAdapter, subgroup };
};

/** @throws Failure "package" without the package, "device" without an adapter */
export const findAdapter = async (
  { power = "high-performance", toggles }: FindOptions = {},
  level: "core" | "compatibility" = "core",
): Promise<Found> => {
  const provider = await openProvider(toggles);
  const adapter = await provider.requestAdapter({ powerPreference: power, featureLevel: level });
  if (adapter === null)
    throw new Failure(
      "device",
      "no GPU was found that WebGPU can use",
      "install a driver of your GPU: on Linux one for Vulkan (`vulkaninfo --summary` lists them)",
    );
  return {
    adapter,
    info: infoOf(adapter),
    limits: limitsOf(adapter.limits),
    features: [...adapter.features].sort(),
  };
};

/**
 * Opens a GPU. The caller closes it. @throws Failure "package" without the package, "device" without an adapter, or where
 * a limit or a feature does not suffice
 */
export const openAdapter = async (options: AdapterOptions = {}): Promise<Adapter> => {
  const { features = FEATURES, needs = {}, limits: asked = {}, level = "core", onError } = options;
  const { adapter, info, limits: most } = await findAdapter(options, level);
  const name = nameOf(info);
  const there = (feature: Feature): boolean => adapter.features.has(feature);
  const absent = (needs.features ?? []).filter((feature) => !there(feature));
  if (absent.length > 0)
    throw new Failure("device", `the GPU ${name} lacks ${absent.join(", ")}`, "use another GPU, or a program without");
  checkLimits(narrowed(most, asked), needs.limits ?? {}, name);
  const wanted = [...new Set([...features, ...(needs.features ?? [])])].filter(there);
  const device = await requestDevice(adapter, name, {
    requiredFeatures: wanted,
    requiredLimits: level === "core" ? Object.fromEntries(LIMITS.map((limit) => [limit, most[limit]])) : {},
  });
  if (onError !== undefined)
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      onError((event as GPUUncapturedErrorEvent).error.message);
    });
  let closed = false;
  return {
    device,
    info,
    limits: narrowed(limitsOf(device.limits), asked),
    features: new Set(wanted),
    lost: device.lost.then(({ message }) => ({ reason: closed ? "closed" : "lost", message })),
    close: () => {
      closed = true;
      device.destroy();
    },
  };
};

const requestDevice = async (
  adapter: GPUAdapter,
  name: string,
  descriptor: GPUDeviceDescriptor,
): Promise<GPUDevice> => {
  try {
    return await adapter.requestDevice(descriptor);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
    throw new Failure("device", `the GPU ${name} gives no device: ${reason}`, "close what else uses it", cause);
  }
};
