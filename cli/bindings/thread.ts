// The thread that prints bindings: an entry of its own in the build, `dist/cli/bindings.js`, with typescript in it.
import { parentPort } from "node:worker_threads";
import { bindings } from "../../compiler/bindings/index.ts";
import type { Asked } from "./printer.ts";

parentPort?.on("message", ({ manifest, notes }: Asked) => parentPort?.postMessage(bindings(manifest, notes)));
