// The graphs of a compiled folder in ONNX Runtime, each opened when it is first called.
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { HostBudget, HostCaches } from "../hostCaches.ts";
import type { Manifest, ProgramEntry } from "../manifest.ts";
import { AGAIN, areNamed, type MemoryOptions, type Runner } from "../runner.ts";
import { checkOwnFile } from "../weights/file.ts";
import { openProgram, type Program, type ProgramOptions } from "./session.ts";

export const onnxRunner = (
  folder: string,
  { caches }: Manifest,
  { budget, ...options }: ProgramOptions & MemoryOptions,
): Runner => {
  const shared = new HostBudget(budget);
  const open = new Map<string, Promise<Program>>();
  return {
    run: async (entry, { file }, inputs) => {
      const opened = open.get(entry.name) ?? openEntry(entry, join(folder, file), options);
      open.set(entry.name, opened);
      // A graph that cannot be opened now may be there later.
      opened.catch(() => open.delete(entry.name));
      return (await opened).run(inputs);
    },
    caches: (batch, run) => new HostCaches(batch, caches, run, shared),
    close: async () => {
      const opened = await Promise.allSettled(open.values());
      for (const program of opened) if (program.status === "fulfilled") await program.value.close();
    },
  };
};

/** @throws Failure "file" where the graph is not the one of the manifest */
const openEntry = async (entry: ProgramEntry, path: string, options: ProgramOptions): Promise<Program> => {
  await checkOwnFile(path, `the graph of ${entry.name}`, AGAIN);
  const program = await openProgram(entry.name, path, options);
  const unlike = (["inputs", "outputs"] as const).find((which) => !areNamed(entry[which], program[which]));
  if (unlike === undefined) return program;
  await program.close();
  throw new Failure("file", `${path}: has other ${unlike} than the manifest says`, AGAIN);
};
