// The command line within the process of a test: the same calls as `graftwerk` of built.ts, many times as fast.
import { Readable } from "node:stream";
import { vi } from "vitest";
import { main } from "../../cli/main.ts";
import { type Ran, root } from "./built.ts";

interface Options {
  readonly cwd?: string;
  readonly input?: string;
}

/** Runs one command in a folder, with its standard input, and catches what it writes. One at a time. */
export const inside = async (args: readonly string[], { cwd = root, input = "" }: Options = {}): Promise<Ran> => {
  const written = { stdout: "", stderr: "" };
  const spies = [
    ...(["stdout", "stderr"] as const).map((name) =>
      vi.spyOn(process[name], "write").mockImplementation((text) => ((written[name] += String(text)), true)),
    ),
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([Buffer.from(input)]) as typeof process.stdin),
  ];
  const before = process.cwd();
  process.chdir(cwd);
  try {
    const status = await main(args);
    return { status, ...written };
  } finally {
    process.chdir(before);
    for (const spy of spies) spy.mockRestore();
  }
};
