// Tokenizers: bytes, and a small tokenizer.json in the form of Llama 3's (byte-level BPE, a start token, special tokens).
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { byteTokenizer, parseTokenizer, readTokenizer } from "../../runtime/text/tokenizer.ts";

const special = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
// Every printable ASCII character, the byte-level space, and two merged words.
const characters = [...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)), "Ġ"];
const vocab = Object.fromEntries([...characters, "he", "Ġhe"].map((token, id) => [token, id]));
const START = Object.keys(vocab).length;
const small = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [special(START, "<|start|>"), special(START + 1, "<|end|>")],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<|start|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<|start|>": { id: "<|start|>", ids: [START], tokens: ["<|start|>"] } },
  },
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: true,
    vocab,
    merges: ["h e", "Ġ he"],
  },
};
const tokenizer = parseTokenizer(JSON.stringify(small), undefined, "tokenizer.json");
const idOf = (token: string): number => vocab[token]!;

describe("what ends a text", () => {
  const ends = (config: unknown) => parseTokenizer(JSON.stringify(small), JSON.stringify(config), "t").ends;
  test("is the token that the configuration names", () => {
    expect(tokenizer.ends).toEqual([]);
    expect(ends({})).toEqual([]);
    expect(ends({ eos_token: null })).toEqual([]);
    expect(ends({ eos_token: "<|end|>" })).toEqual([START + 1]);
    expect(ends({ eos_token: { content: "<|end|>", lstrip: false } })).toEqual([START + 1]);
  });
  test("must be one of its tokens", () => {
    expect(() => ends({ eos_token: "</s>" })).toThrow(/t: the `eos_token` of its configuration, "<\/s>", is no token/);
    expect(() => ends({ eos_token: 7 })).toThrow(/is no token of it/);
  });
});

describe("bytes", () => {
  test.each(["", "plain", "é 漢 😀", "\ufeffmark", "a\u0000b"])("%j and back", (text) => {
    expect(byteTokenizer.decode(byteTokenizer.encode(text))).toBe(text);
  });
  test("ids are the bytes of UTF-8", () => {
    expect(byteTokenizer.encode("aé")).toEqual([0x61, 0xc3, 0xa9]);
    expect(byteTokenizer.decode([0xc3])).toBe("\ufffd");
    expect(() => byteTokenizer.decode([256])).toThrow(/the token 256 is not one of 0 to 255/);
    expect(() => byteTokenizer.decode([-1])).toThrow(/-1 is not/);
  });
});

describe("tokenizer.json", () => {
  test("merges, the start and the size", () => {
    expect(tokenizer.encode("he he!")).toEqual([idOf("he"), idOf("Ġhe"), idOf("!")]);
    expect(tokenizer.start).toEqual([START]);
    expect(tokenizer.vocab).toBe(START + 2);
    expect(tokenizer.encode("")).toEqual([]);
    const single = [...small.post_processor.single, { SpecialToken: { id: "<|end|>", type_id: 0 } }];
    const framed = { ...small, post_processor: { ...small.post_processor, single } };
    expect(parseTokenizer(JSON.stringify(framed), undefined, "t").start).toEqual([START]);
    expect(parseTokenizer(JSON.stringify({ ...small, post_processor: null }), undefined, "t").start).toEqual([]);
  });

  test("text is exact both ways, spaces before punctuation too", () => {
    for (const text of ["he said : no , don 't", "  two  spaces ", "x"]) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
    expect(tokenizer.decode([])).toBe("");
  });

  test("a special token typed by a user stays text", () => {
    for (const text of ["<|end|>", "a<|start|>b"]) {
      const ids = tokenizer.encode(text);
      expect(Math.max(...ids)).toBeLessThan(START);
      expect(tokenizer.decode(ids)).toBe(text);
    }
    expect(tokenizer.decode([START + 1])).toBe("<|end|>");
  });

  test("unknown ids and malformed files are refused", () => {
    expect(() => tokenizer.decode([START + 2])).toThrow(/is not one of 0 to/);
    expect(() => parseTokenizer("[", undefined, "t.json")).toThrow(/t\.json: not valid JSON/);
    expect(() => parseTokenizer("[]", undefined, "t.json")).toThrow(/t\.json: is not an object/);
    expect(() => parseTokenizer("{}", undefined, "t.json")).toThrow(/t\.json: is no tokenizer that can be read/);
    for (const added of [{ id: "x" }, special(-1, "x"), special(2 ** 32, "x"), null]) {
      const odd = JSON.stringify({ ...small, added_tokens: [added] });
      expect(() => parseTokenizer(odd, undefined, "t.json")).toThrow(/`added_tokens` is malformed/);
    }
  });

  test("from a file, with and without a configuration beside it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "graftwerk-tokenizer-"));
    await writeFile(join(folder, "tokenizer.json"), JSON.stringify(small));
    expect((await readTokenizer(join(folder, "tokenizer.json"))).encode("he")).toEqual([idOf("he")]);
    await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify({ do_lowercase_and_remove_accent: true }));
    expect((await readTokenizer(join(folder, "tokenizer.json"))).encode("HE")).toEqual([idOf("he")]);
    await writeFile(join(folder, "tokenizer_config.json"), "{");
    await expect(readTokenizer(join(folder, "tokenizer.json"))).rejects.toThrow(/not valid JSON/);
    await expect(readTokenizer(join(folder, "none.json"))).rejects.toThrow(/there is no such file/);
    await rm(folder, { recursive: true });
  });
});
