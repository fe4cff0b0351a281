// The limits of WebGPU that compute has to keep. A device has an adapter's limits only where they were asked for; and it
// cannot be asked for less than the defaults of the standard, so what is to be kept below those is kept as data.
import { Failure } from "../failure.ts";

/** Names of the standard; `max...` are better when larger, `min...` when smaller. */
export const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxUniformBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxUniformBuffersPerShaderStage",
  "maxBindGroups",
  "maxBindingsPerBindGroup",
  "maxDynamicStorageBuffersPerPipelineLayout",
  "maxDynamicUniformBuffersPerPipelineLayout",
  "minStorageBufferOffsetAlignment",
  "minUniformBufferOffsetAlignment",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;
export type LimitName = (typeof LIMITS)[number];
export type Limits = Readonly<Record<LimitName, number>>;

/** The limits that compute has to keep, of those that an adapter or a device has. */
export const limitsOf = (found: Readonly<Record<LimitName, number | undefined>>): Limits =>
  // A name that an implementation does not know yet is undefined there; all of these are older than compute itself.
  Object.fromEntries(LIMITS.map((name) => [name, found[name] ?? 0])) as Limits;

const isBetter = (name: LimitName, a: number, b: number): boolean => (name.startsWith("min") ? a < b : a > b);

/** Of each limit the worse one. @throws Failure "call" where `asked` has a name that is no limit or a value that is none */
export const narrowed = (limits: Limits, asked: Partial<Limits>): Limits => {
  for (const [name, value] of Object.entries(asked)) {
    if (!Object.hasOwn(limits, name))
      throw new Failure("call", `${name} is no limit of WebGPU`, `one of ${LIMITS.join(", ")}`);
    if (!Number.isSafeInteger(value) || value < 1)
      throw new Failure("call", `the limit ${name} must be a whole number above 0, and is ${value}`);
  }
  return Object.fromEntries(
    LIMITS.map((name) => {
      const [have, want] = [limits[name], asked[name] ?? limits[name]];
      return [name, isBetter(name, want, have) ? have : want];
    }),
  ) as Limits;
};

/** @throws Failure "device" that names every limit that does not suffice: which, what there is, what is needed */
export const checkLimits = (limits: Limits, needed: Partial<Limits>, adapter: string): void => {
  const short = LIMITS.filter((name) => needed[name] !== undefined && isBetter(name, needed[name], limits[name]));
  if (short.length === 0) return;
  const lines = short.map((name) => `  ${name}: ${limits[name]}, needed ${needed[name]!}`);
  throw new Failure(
    "device",
    `the limits of the GPU ${adapter} do not suffice:\n${lines.join("\n")}`,
    "use another GPU, or a smaller model",
  );
};
