// How long each step takes, by timestamps of the device around every dispatch.
import { Failure } from "../failure.ts";
import { faultOf, located } from "./faults.ts";
import type { OnDevice } from "./onDevice.ts";
import type { Prepared } from "./prepared.ts";
import { at } from "./sizes.ts";
import { BUFFER, MAP } from "./usage.ts";

export interface StepTime {
  readonly name: string;
  /** where in the specification */
  readonly at: string;
  readonly kernel: string;
  readonly dispatches: number;
  /** multiplications, roughly */
  readonly work: number;
  readonly ms: number;
}
/** Timestamps of one query set, by the standard. */
const QUERIES = 4096;

/** Runs what is prepared once more, on the inputs that are there. @throws Failure "device" */
export const stepTimes = async (on: OnDevice, prepared: Prepared): Promise<readonly StepTime[]> => {
  const { device, features, limits } = on.adapter;
  const { layout, dispatches } = prepared;
  const where = `program ${layout.program.name}`;
  if (!features.has("timestamp-query"))
    throw new Failure("device", `${where}: this GPU tells no times`, "use one with the feature timestamp-query");
  const ms = layout.steps.map(() => 0);
  const most = Math.min(QUERIES, Math.floor(limits.maxBufferSize / 8)) / 2;
  for (let from = 0; from < dispatches.length; from += most) {
    const part = { from, to: Math.min(dispatches.length, from + most) };
    const count = 2 * (part.to - from);
    const set = device.createQuerySet({ type: "timestamp", count });
    const [resolved, back] = [BUFFER.QUERY_RESOLVE | BUFFER.COPY_SRC, BUFFER.MAP_READ | BUFFER.COPY_DST].map((usage) =>
      device.createBuffer({ label: "times", size: 8 * count, usage }),
    ) as [GPUBuffer, GPUBuffer];
    try {
      const fault = await on.wait(
        where,
        faultOf(device, () => {
          const encoder = device.createCommandEncoder({ label: where });
          const begin = (to: GPUCommandEncoder, i: number): GPUComputePassEncoder => {
            const first = 2 * (i - from);
            const timestampWrites = { querySet: set, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
            return to.beginComputePass({ timestampWrites });
          };
          prepared.encode(encoder, begin, { ...part, each: true });
          encoder.resolveQuerySet(set, 0, count, resolved, 0);
          encoder.copyBufferToBuffer(resolved, 0, back, 0, 8 * count);
          device.queue.submit([encoder.finish()]);
        }),
      );
      if (fault !== undefined) throw located(where, fault);
      await on.wait(where, back.mapAsync(MAP.READ));
      const times = new BigInt64Array(back.getMappedRange());
      for (let i = 0; 2 * i < count; i++)
        ms[dispatches[from + i]!.step]! += Math.max(0, Number(times[2 * i + 1]! - times[2 * i]!) / 1e6);
    } finally {
      set.destroy();
      resolved.destroy();
      back.destroy();
    }
  }
  return layout.steps.map(({ step, kernel, dispatches: made }, i) => ({
    name: step.name,
    at: step.at,
    kernel: kernel.template,
    dispatches: made.length,
    work: at(step.work, layout.sizes),
    ms: ms[i]!,
  }));
};
