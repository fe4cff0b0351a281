// The GPU of the tests, opened once for all files: one process runs them.
import { type Adapter, openAdapter } from "../../runtime/webgpu/adapter.ts";

let opened: Promise<Adapter> | undefined;

/** Shared: a test that wants limits or features of its own, or loses its device, opens one itself. */
export const gpu = (): Promise<Adapter> =>
  (opened ??= openAdapter({
    onError: (message) => {
      // Thrown late on purpose: outside of any test, it fails the run.
      void Promise.reject(new Error(`the GPU says, outside of any error scope: ${message}`));
    },
  }));
