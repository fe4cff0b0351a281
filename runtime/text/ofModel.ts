// The tokenizer of a compiled model: the one named, the one beside its weights, or bytes where the vocabulary is 256.
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import type { Modality } from "../manifest.ts";
import { TOKENIZER_FILES } from "./files.ts";
import { byteTokenizer, readTokenizer, type Tokenizer } from "./tokenizer.ts";

type Tokens = Extract<Modality, { is: "tokens" }>;

/** @throws Failure "file" when there is none, or it has ids that the model has not. */
export const tokenizerOf = async (folder: string, tokens: Tokens, named: string | undefined): Promise<Tokenizer> => {
  const beside = join(folder, "tokenizer.json");
  if (named === undefined) TOKENIZER_FILES.forEach((name) => checkBeside(join(folder, name)));
  const path = named ?? (existsSync(beside) ? beside : undefined);
  if (path === undefined && tokens.vocab === byteTokenizer.vocab) return byteTokenizer;
  if (path === undefined)
    throw new Failure(
      "file",
      `${folder}: has no tokenizer.json, and a vocabulary of ${tokens.vocab} is not one of bytes`,
      "give --tokenizer PATH, the tokenizer.json of the language model",
    );
  const tokenizer = await readTokenizer(path);
  if (tokenizer.vocab <= tokens.vocab) return tokenizer;
  const counts = `${tokenizer.vocab} tokens, and the model knows ${tokens.vocab}`;
  throw new Failure("file", `${path}: has ${counts}`, "give the tokenizer.json of the same language model");
};

/** A compiled folder holds its files itself. What a user names may be a link. */
const checkBeside = (path: string): void => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== false) return;
  throw new Failure(
    "file",
    `${path}: is not a file itself, but a link or a folder, or no file at all`,
    "give --tokenizer PATH",
  );
};
