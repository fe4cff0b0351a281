// Layouts and pipelines of a device, each made once for all sessions on it: by the heaps, and by the text of a kernel.
import { Failure, reasonOf } from "../failure.ts";
import type { Heap as HeapName, Kernel } from "../plan.ts";
import { faultOf } from "./faults.ts";
import { STAGE } from "./usage.ts";

const TYPES: Readonly<Record<HeapName, GPUBufferBindingType>> = {
  state: "storage",
  matrix: "read-only-storage",
  given: "read-only-storage",
  keys: "storage",
};
const known = new WeakMap<GPUDevice, Bindings>();

export class Bindings {
  readonly #device: GPUDevice;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  private constructor(device: GPUDevice) {
    this.#device = device;
  }
  static of(device: GPUDevice): Bindings {
    const found = known.get(device) ?? new Bindings(device);
    known.set(device, found);
    return found;
  }

  /** Numbers at binding 0, at an offset of each dispatch's own; then the heaps. */
  layout(heaps: readonly HeapName[]): GPUBindGroupLayout {
    const key = heaps.join();
    const found = this.#layouts.get(key);
    if (found !== undefined) return found;
    const layout = this.#device.createBindGroupLayout({
      label: key,
      entries: [
        { binding: 0, visibility: STAGE.COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true } },
        ...heaps.map((heap, i) => ({ binding: i + 1, visibility: STAGE.COMPUTE, buffer: { type: TYPES[heap] } })),
      ],
    });
    this.#layouts.set(key, layout);
    return layout;
  }

  /** @throws Failure "device" with what the GPU's compiler says */
  pipeline(kernel: Kernel): Promise<GPUComputePipeline> {
    const key = `${kernel.heaps.join()} ${kernel.wgsl}`;
    const found = this.#pipelines.get(key);
    if (found !== undefined) return found;
    const made = this.#make(kernel);
    this.#pipelines.set(key, made);
    // What was refused for want of memory may be made later.
    made.catch(() => this.#pipelines.delete(key));
    return made;
  }
  async #make({ template, wgsl, heaps }: Kernel): Promise<GPUComputePipeline> {
    const device = this.#device;
    let made: Promise<GPUComputePipeline> | undefined;
    const fault = await faultOf(device, () => {
      const layout = device.createPipelineLayout({ label: template, bindGroupLayouts: [this.layout(heaps)] });
      const module = device.createShaderModule({ label: template, code: wgsl });
      made = device.createComputePipelineAsync({ label: template, layout, compute: { module, entryPoint: "main" } });
      made.catch(() => undefined);
    });
    try {
      if (fault !== undefined) throw fault;
      return await made!;
    } catch (cause) {
      throw new Failure("device", `the GPU refuses the kernel ${template}: ${reasonOf(cause)}`, undefined, cause);
    }
  }
}
