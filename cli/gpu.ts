// The GPU as `doctor` shows it.
import { Failure } from "../runtime/failure.ts";
import { type AdapterInfo, FEATURES, findAdapter, nameOf } from "../runtime/webgpu/adapter.ts";
import type { Limits } from "../runtime/webgpu/limits.ts";
import { webgpuBackends } from "../runtime/webgpu/version.ts";

export interface Gpu {
  readonly ok: boolean;
  /** why there is none; empty where there is one */
  readonly detail: string;
  /** what mends it; null where nothing is wrong, or where the package is what is missing */
  readonly repair: string | null;
  readonly adapter:
    | (AdapterInfo & {
        readonly backends: readonly string[];
        readonly limits: Limits;
        readonly features: readonly string[];
      })
    | null;
}

export const lookForGpu = async (): Promise<Gpu> => {
  try {
    const { info, limits, features } = await findAdapter();
    const adapter = { ...info, backends: await webgpuBackends(), limits, features };
    return { ok: true, detail: "", repair: null, adapter };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    if (thrown.kind === "package") return { ok: false, detail: "needs webgpu", repair: null, adapter: null };
    const detail = thrown.message.replace(/\n {2}help: [^]*/, "");
    return { ok: false, detail, repair: thrown.help ?? null, adapter: null };
  }
};

const bytes = (size: number): string => {
  for (const [unit, name] of [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
  ] as const)
    if (size >= unit) return `${Number((size / unit).toFixed(1))} ${name}`;
  return `${size} bytes`;
};

/** Lines of a name and what is said of it. */
export const gpuLines = ({ adapter, detail }: Gpu): readonly (readonly [string, string])[] => {
  if (adapter === null) return [["GPU", `not there; ${detail}`]];
  const { limits, features, subgroup } = adapter;
  const kind = [adapter.vendor, adapter.architecture].filter((part) => part !== "").join(" ");
  const first = [
    nameOf(adapter),
    kind,
    adapter.backends.join(", "),
    adapter.software ? "computed by the processor" : "",
  ];
  const sizes = subgroup[0] === subgroup[1] ? `${subgroup[0]}` : `${subgroup[0]} to ${subgroup[1]}`;
  const optional = FEATURES.map((name) => {
    if (!features.includes(name)) return `no ${name}`;
    return name === "subgroups" ? `subgroups of ${sizes}` : name;
  });
  return [
    ["GPU", first.filter((part) => part !== "").join("; ")],
    [
      "  limits",
      `${bytes(limits.maxBufferSize)} in a buffer, ${bytes(limits.maxStorageBufferBindingSize)} in a binding`,
    ],
    [
      "",
      `${limits.maxStorageBuffersPerShaderStage} storage buffers in a shader, ${limits.maxComputeInvocationsPerWorkgroup} invocations and ${bytes(limits.maxComputeWorkgroupStorageSize)} in a workgroup`,
    ],
    ["  features", optional.join(", ")],
  ];
};
