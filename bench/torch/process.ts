// A process of the Python that TORCH_PYTHON names: a question is a line of JSON, and so is its answer.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface TorchProcess {
  ask(question: object): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

/** @param script beside this file */
export const openTorch = (python: string, script: string): TorchProcess => {
  const child = spawn(python, [fileURLToPath(new URL(script, import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${python} ${script} ended with ${code}`)));
  });
  // An end that nobody waits for is no failure: the bench closes the process itself.
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (question) => {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await Promise.race([lines.next(), ended]);
      if (done === true) return ended;
      return JSON.parse(value) as Readonly<Record<string, unknown>>;
    },
    close: () => child.stdin.end(),
  };
};
