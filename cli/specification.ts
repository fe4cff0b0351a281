// A specification and the files it imports, read from disk or standard input. Imports stay in the folder of the main
// file: the analysis refuses paths that lead out of it, and this refuses links that do.
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import { check, type Checked, type Model } from "../compiler/index.ts";
import { type JsonDiagnostic, type Messages, type Report, toJSON } from "../grammar/diagnostic.ts";
import { nearest } from "../grammar/nearest.ts";
import type { Source } from "../grammar/source.ts";
import { Failure, reasonOf } from "../runtime/failure.ts";
import { decodeText } from "../runtime/json.ts";
import { UsageError } from "./command.ts";

/** The specification has mistakes; its report says which. */
export class Mistakes extends Error {
  readonly found: Found;

  constructor(found: Found) {
    super("the specification has mistakes");
    this.name = "Mistakes";
    this.found = found;
  }
}
/** A report, and the sources that its places are in. */
export interface Found {
  readonly report: Report<Messages>;
  readonly sources: readonly Source[];
}

/** A text of 1 MiB characters may have three times as many bytes; the grammar counts characters and says so. */
const MAX_BYTES = 3 * 2 ** 20;
export const STDIN = "<stdin>";

/** The name of standard input, or the path as analysis takes it: with `/`, and never taken for the library's `std/`. */
export const nameOf = (operand: string): string => {
  if (operand === "-") return STDIN;
  const path = sep === "\\" ? operand.replaceAll("\\", "/") : operand;
  return path.startsWith("std/") ? `./${path}` : path;
};

/** The text of the file, or of standard input for `-`. @throws Failure "file" */
export const readOperand = async (operand: string): Promise<string> => {
  if (operand !== "-") {
    const text = readText(operand);
    if (text === undefined) throw new Failure("file", `${operand}: there is no such file`);
    return text;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw tooLarge("standard input");
    chunks.push(chunk);
  }
  return decodeText(Buffer.concat(chunks), STDIN);
};

/** Reads and checks a specification. @throws Failure "file" where a file cannot be read. */
export const readSpecification = async (operand: string): Promise<Checked> => {
  const main = nameOf(operand);
  const text = await readOperand(operand);
  const folder = realpathSync(operand === "-" ? "." : dirname(resolve(operand)));
  return check(main, (path) => (path === main ? text : readImport(folder, path)));
};

const readImport = (folder: string, path: string): string | undefined => {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new Failure("file", `${path}: cannot be read: ${reasonOf(cause)}`, undefined, cause);
  }
  const inside = folder.endsWith(sep) ? folder : `${folder}${sep}`;
  if (!real.startsWith(inside))
    throw new Failure("file", `${path}: is a link that leads out of the folder of the specification`);
  return readText(path);
};

const isMissing = (thrown: unknown): boolean =>
  thrown instanceof Error && "code" in thrown && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR");
const tooLarge = (path: string): Failure =>
  new Failure("file", `${path}: is larger than a specification may be`, "a file holds at most 1 MiB");

/** A pipe that nobody writes to is opened at once, and then refused. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** The text of a file; undefined: there is none. */
const readText = (path: string): string | undefined => {
  let file: number;
  try {
    file = openSync(path, READ);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new Failure("file", `${path}: cannot be opened: ${reasonOf(cause)}`, undefined, cause);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Failure("file", `${path}: is not a file`, "name a .graft file");
    if (stat.size > MAX_BYTES) throw tooLarge(path);
    const bytes = new Uint8Array(stat.size);
    let done = 0;
    for (let read = 1; read > 0 && done < bytes.length; done += read)
      read = readSync(file, bytes, done, bytes.length - done, done);
    return decodeText(bytes.subarray(0, done), path);
  } finally {
    closeSync(file);
  }
};

/** The named model, or the first that can be compiled as it stands. @throws Mistakes, UsageError */
export const modelOf = (checked: Checked, asked: string | undefined): Model => {
  if (checked.report.failed) throw new Mistakes(checked);
  const name = asked ?? checked.models[0];
  if (name === undefined)
    throw new UsageError(
      "the file has no model that can be compiled as it stands",
      "give its parameters: `model Name = Model(...)`",
    );
  const model = checked.model(name);
  if (checked.report.failed) throw new Mistakes(checked);
  if (model !== undefined) return model;
  const near = nearest(name, checked.models);
  const help = near === undefined ? `there are ${checked.models.join(", ")}` : `did you mean ${near}?`;
  throw new UsageError(`the file has no model ${JSON.stringify(name)} that can be compiled as it stands`, help);
};

/** Diagnostics as plain data. */
export const diagnosticsJson = ({
  report,
  sources,
}: Found): { readonly diagnostics: readonly JsonDiagnostic[]; readonly more: number } => ({
  diagnostics: report.found.map((found) => toJSON(sources, found)),
  more: report.more,
});
