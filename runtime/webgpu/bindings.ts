// Pipelines and bind groups, each made once: by the text of a kernel, and by what is bound where.
import { Failure, reasonOf } from "../failure.ts";
import type { Heap as HeapName, Kernel } from "../plan.ts";
import { STAGE } from "./usage.ts";

const TYPES: Readonly<Record<HeapName, GPUBufferBindingType>> = {
  state: "storage",
  matrix: "read-only-storage",
  given: "read-only-storage",
  keys: "storage",
};

export class Bindings {
  readonly #device: GPUDevice;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Numbers at binding 0, at an offset of each dispatch's own; then the heaps. */
  layout(heaps: readonly HeapName[]): GPUBindGroupLayout {
    const key = heaps.join();
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
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
  pipeline({ template, wgsl, heaps }: Kernel): Promise<GPUComputePipeline> {
    const known = this.#pipelines.get(wgsl);
    if (known !== undefined) return known;
    const made = this.#device
      .createComputePipelineAsync({
        label: template,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [this.layout(heaps)] }),
        compute: { module: this.#device.createShaderModule({ label: template, code: wgsl }), entryPoint: "main" },
      })
      .catch((cause: unknown) => {
        throw new Failure("device", `the GPU refuses the kernel ${template}: ${reasonOf(cause)}`, undefined, cause);
      });
    this.#pipelines.set(wgsl, made);
    return made;
  }
}
