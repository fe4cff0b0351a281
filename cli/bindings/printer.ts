// Prints bindings in a thread that is started before there is anything to print: typescript is loaded there while the
// model is compiled here.
import { Worker } from "node:worker_threads";
import type { Bindings, Notes } from "../../compiler/bindings/index.ts";
import type { Manifest } from "../../runtime/manifest.ts";

/** What the thread is sent; it answers with bindings. */
export interface Asked {
  readonly manifest: Manifest;
  readonly notes: Notes;
}
/** To be called once, or not at all. */
export type Print = (asked: Asked) => Promise<Bindings>;

export const startPrinter = (): Print => {
  // From `dist/chunks/`, or wherever else in `dist/` the build has put this.
  const worker = new Worker(new URL("../cli/bindings.js", import.meta.url));
  const answer = new Promise<Bindings>((resolve, reject) => worker.once("message", resolve).once("error", reject));
  // It may fail before anybody asks, and a compilation that fails does not wait for it.
  answer.catch(() => undefined);
  worker.unref();
  return async (asked) => {
    worker.ref();
    worker.postMessage(asked);
    try {
      return await answer;
    } finally {
      await worker.terminate();
    }
  };
};
