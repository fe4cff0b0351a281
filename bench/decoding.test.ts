// Tokens a second on a GPU: drawn there, several before any is looked at, against one at a time from logits that are read
// back. One session, one text of each in turn; the tokens must be the same.
import { afterAll, beforeAll, expect, test } from "vitest";
import { byteTokenizer, type Phases, type Sampling, type Tokenizer } from "../runtime/index.ts";
import { decodeOne } from "../runtime/generate/decodeOne.ts";
import { generate } from "../runtime/generate/generate.ts";
import { type Adapter, nameOf, openAdapter } from "../runtime/webgpu/adapter.ts";
import { compiled, louder } from "../test/generate/judged.ts";
import { inTurn } from "./gpu/measure.ts";

const [ROUNDS, TOKENS] = [7, 64];
let adapter: Adapter;
beforeAll(async () => {
  adapter = await openAdapter();
  console.log(`on ${nameOf(adapter.info)}`);
});
afterAll(() => adapter.close());

const settings: readonly (readonly [string, Omit<Sampling, "seed">])[] = [
  ["greedy", { temperature: 0 }],
  ["temperature 0.8", { temperature: 0.8 }],
  ["temperature 0.8, topK 50, topP 0.95", { temperature: 0.8, topK: 50, topP: 0.95 }],
];
test.each([256, 4096, 32_000])("a vocabulary of %d", { timeout: 600_000 }, async (vocab) => {
  const sized = (text: string): string => text.replace("vocab: 256", `vocab: ${vocab}`);
  const { session, close } = await compiled("LlamaModel", "webgpu", louder(1), { adapter }, sized);
  const tokenizer: Tokenizer = { ...byteTokenizer, vocab, ends: [], decode: (ids) => ids.map(() => "a").join("") };
  const oneByOne: Phases = {
    ...session,
    decode: (context, parts, decoding) => decodeOne(session, context, parts, decoding),
  };
  const textOf = async (phases: Phases, sampling: Omit<Sampling, "seed">): Promise<readonly number[]> => {
    const ids: number[] = [];
    for await (const event of generate(phases, tokenizer, { prompt: ["Once upon"], maxTokens: TOKENS, sampling }))
      if (event.is === "text") ids.push(...event.ids);
    return ids;
  };
  try {
    for (const [name, sampling] of settings) {
      const ids = await textOf(session, sampling);
      expect(ids).toHaveLength(TOKENS);
      expect(await textOf(oneByOne, sampling)).toEqual(ids);
      const found = await inTurn(
        () => textOf(session, sampling),
        () => textOf(oneByOne, sampling),
        ROUNDS,
      );
      const [ours, theirs] = [found.ours, found.theirs].map(({ median }) => ((1000 * TOKENS) / median).toFixed(1));
      console.log(
        `${vocab} ids, ${name}: ${ours} tokens a second, one at a time ${theirs}; ${found.ratio.toFixed(2)} times as fast`,
      );
    }
  } finally {
    await close();
  }
});
