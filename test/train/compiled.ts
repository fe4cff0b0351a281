// Small models compiled for training, as `graftwerk compile --train` leaves them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSession, type Session, type SessionOptions } from "../../runtime/index.ts";
import { inside } from "../cli/inside.ts";
import { models, source } from "../phases/models.ts";

export interface Compiled {
  readonly folder: string;
  open(options?: SessionOptions): Promise<Session>;
  remove(): void;
}

/** The specification of a small model, with 2 x 2 patches. */
export const specification = (name: string): string => source(models.find((small) => small.name === name)!);

/** @param text by default that of the model */
export const compiledToTrain = async (
  name: string,
  { text = specification(name), options = ["--seed", "1"] }: { text?: string; options?: readonly string[] } = {},
): Promise<Compiled> => {
  const folder = mkdtempSync(join(tmpdir(), "graftwerk-train-"));
  const file = join(folder, "model.graft");
  writeFileSync(file, text);
  const out = join(folder, "out");
  const args = ["compile", file, "--model", name, "--target", "onnx", "--train", ...options, "--out", out];
  const { status, stderr } = await inside(args);
  if (status !== 0) throw new Error(stderr);
  return {
    folder: out,
    open: (given = {}) => openSession(out, { threads: 1, ...given }),
    remove: () => rmSync(folder, { recursive: true }),
  };
};
