// The device of the tests as one that is not a processor: so it takes the kernels whose invocations work together.
import type { Adapter, Feature } from "../../runtime/webgpu/adapter.ts";

/** With these features of those that it has. */
export const asHardware = (adapter: Adapter, features: readonly Feature[]): Adapter => ({
  ...adapter,
  info: { ...adapter.info, software: false },
  features: new Set(features.filter((feature) => adapter.features.has(feature))),
});
