// Text to token ids and back: bytes for small examples, `tokenizer.json` for real models. Text is only ever text: what a
// user types never becomes a special token, however it is spelt, because those tokens are not matched when encoding.
import { dirname, join } from "node:path";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { Failure, reasonOf } from "../failure.ts";
import { decodeText } from "../json.ts";
import { quote } from "../quote.ts";
import { readWhole } from "../weights/file.ts";
import { MAX_TOKENIZER_BYTES } from "./files.ts";

export interface Tokenizer {
  /** Ids are 0 .. vocab - 1. */
  readonly vocab: number;
  /** What stands before the first text of a document (Llama: `<|begin_of_text|>`); often nothing. */
  readonly start: readonly number[];
  /** What ends a text, as `eos_token` of `tokenizer_config.json` names it; often one, and none where there is no such file. */
  readonly ends: readonly number[];
  /** The ids of a text, without special tokens. */
  encode(text: string): number[];
  /** @throws Failure "call" when an id is not of this vocabulary. */
  decode(ids: readonly number[]): string;
}

const checkIds = (ids: readonly number[], vocab: number): void => {
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocab);
  if (wrong !== undefined) throw new Failure("call", `the token ${wrong} is not one of 0 to ${vocab - 1}`);
};

/** Every byte of UTF-8 is its own id. Bytes that form no character decode to U+FFFD. */
export const byteTokenizer: Tokenizer = {
  vocab: 256,
  start: [],
  ends: [],
  encode: (text) => [...new TextEncoder().encode(text)],
  decode: (ids) => {
    checkIds(ids, 256);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids));
  },
};

/** Ids index a table, so one that is absurd must not size it. */
const MAX_ID = 2 ** 24;

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isAddedToken = (value: unknown): value is AddedToken =>
  isRecord(value) &&
  Number.isInteger(value["id"]) &&
  Number(value["id"]) >= 0 &&
  Number(value["id"]) < MAX_ID &&
  typeof value["content"] === "string" &&
  typeof value["special"] === "boolean";

const parse = (text: string, name: string): Record<string, unknown> => {
  try {
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
  } catch (cause) {
    throw new Failure("file", `${name}: not valid JSON: ${reasonOf(cause)}`, undefined, cause);
  }
  throw new Failure("file", `${name}: is not an object`);
};

const build = (json: Record<string, unknown>, config: Record<string, unknown>, name: string) => {
  const added: unknown = json["added_tokens"] ?? [];
  if (!Array.isArray(added) || !added.every(isAddedToken)) {
    throw new Failure("file", `${name}: \`added_tokens\` is malformed`);
  }
  const special = added.filter((token) => token.special);
  try {
    const library = new Library({ ...json, added_tokens: added.filter((token) => !token.special) }, config);
    return { library, special };
  } catch (cause) {
    throw new Failure("file", `${name}: is no tokenizer that can be read: ${reasonOf(cause)}`, undefined, cause);
  }
};

/** What the post-processor puts before a text, seen on a text of one letter. */
const startOf = (library: Library): readonly number[] => {
  const [plain, framed] = [false, true].map(
    (add_special_tokens) => library.encode("a", { add_special_tokens }).ids,
  ) as [number[], number[]];
  const at = framed.findIndex((_, i) => plain.every((id, k) => framed[i + k] === id));
  return framed.slice(0, Math.max(0, at));
};

/** @throws Failure "file" where the token that ends texts is none of the tokenizer's */
const endsOf = (
  config: Record<string, unknown>,
  ids: { get(token: string): number | undefined },
  name: string,
): readonly number[] => {
  const end = config["eos_token"] ?? undefined;
  const token = isRecord(end) ? end["content"] : end;
  if (token === undefined) return [];
  const id = typeof token === "string" ? ids.get(token) : undefined;
  if (id !== undefined) return [id];
  throw new Failure(
    "file",
    `${name}: the \`eos_token\` of its configuration, ${quote(String(token))}, is no token of it`,
  );
};

/**
 * A tokenizer from the text of its `tokenizer.json` and, where there is one, `tokenizer_config.json`.
 * @throws Failure "file"
 */
export const parseTokenizer = (text: string, configText: string | undefined, name: string): Tokenizer => {
  const config = configText === undefined ? {} : parse(configText, name);
  const { library, special } = build(parse(text, name), config, name);
  const model = library.model;
  if (model === null) throw new Failure("file", `${name}: has no model`);
  // Special tokens are known by id, for `start` and `decode`, and stay out of what splits a text.
  for (const { id, content } of special) {
    model.vocab[id] = content;
    model.tokens_to_ids.set(content, id);
  }
  const vocab = model.vocab.length;
  return {
    vocab,
    start: startOf(library),
    ends: endsOf(config, model.tokens_to_ids, name),
    encode: (input) => (input === "" ? [] : library.encode(input, { add_special_tokens: false }).ids),
    decode: (ids) => {
      checkIds(ids, vocab);
      return ids.length === 0 ? "" : library.decode([...ids], { clean_up_tokenization_spaces: false });
    },
  };
};

/** Reads `tokenizer.json`, and `tokenizer_config.json` beside it if it is there. @throws Failure "file" */
export const readTokenizer = async (path: string): Promise<Tokenizer> => {
  const read = async (file: string): Promise<string> => decodeText(await readWhole(file, MAX_TOKENIZER_BYTES), file);
  const config = await read(join(dirname(path), "tokenizer_config.json")).catch((thrown: unknown) => {
    if (thrown instanceof Failure && thrown.missing) return undefined;
    throw thrown;
  });
  return parseTokenizer(await read(path), config, path);
};
