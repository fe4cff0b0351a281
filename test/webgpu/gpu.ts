// The GPU of the tests, opened once for all files: one process runs them.
import { type Adapter, type AdapterOptions, openAdapter } from "../../runtime/webgpu/adapter.ts";

/**
 * Our kernels write workgroup memory before they read it. SwiftShader takes seconds to compile the zeros that Dawn would
 * write there first (4.4 s for 16 KiB), and without them it shows who relies on zeros.
 */
export const TOGGLES = { enable: ["disable_workgroup_init"] } as const;

/** A device of a test's own, with the toggles of the tests; the test closes it. */
export const ownGpu = (options: AdapterOptions = {}): Promise<Adapter> =>
  openAdapter({
    toggles: TOGGLES,
    onError: (message) => {
      // Nobody waits for it on purpose: outside of any test, it fails the run.
      void Promise.reject(new Error(`the GPU says, outside of any error scope: ${message}`));
    },
    ...options,
  });

let opened: Promise<Adapter> | undefined;

/** Shared by all tests: one that wants limits or features of its own, or loses its device, takes `ownGpu`. */
export const gpu = (): Promise<Adapter> => (opened ??= ownGpu());
