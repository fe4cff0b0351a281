// Documents that go on behind others, and rows that several have in common: computed once, and seen as if computed anew.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Failure, type GenerateOptions, openSession } from "../../runtime/index.ts";
import { type Compiled, compiled, judged, louder } from "./judged.ts";
import { all, costOf, idsOf, pastOf, rowsOf } from "./told.ts";

let model: Compiled;
beforeAll(async () => {
  model = await compiled("DualTower", "onnx", louder(2.5));
});
afterAll(() => model.close());

const generated = (options: GenerateOptions) => all(model.session, { steps: 2, ...options });
const grid = (value: number): { readonly grid: Float32Array } => ({ grid: new Float32Array(48).fill(value) });
const system = "a prompt of more than sixteen rows ";

describe("a past", () => {
  test("is gone on from as if its rows had just been computed, to the bit", async () => {
    const options = { maxTokens: 20, seed: 2, sampling: { temperature: 1 } };
    const fresh = await generated({ ...options, prompt: ["ab", grid(0.5), "cd"] });
    const past = await model.session.past(["ab", grid(0.5), "cd"]);
    // The last token is decoded by whoever goes on.
    expect(past.rows.length - past.context.length(0)).toBe(1);
    const events = await generated({ ...options, past, prompt: [] });
    expect(events[0]).toMatchObject({ prompts: [{ tokens: 0, images: 0 }] });
    expect(idsOf(events)).toEqual(idsOf(fresh));
    expect(rowsOf(fresh).length).toBeGreaterThan(0);
    expect(rowsOf(events)).toEqual(rowsOf(fresh));
    const [cost, whole] = [costOf(events), costOf(fresh)];
    expect(cost["decode"]).toEqual(whole["decode"]);
    expect(cost["prefill"]![1]).toBe(whole["prefill"]![1] - 5);
    expect(cost["read"]![1]).toBe(whole["read"]![1] - 4);
    past.close();
    expect(past.bytes).toBe(0);
  });

  test("of a conversation: each turn computes its own rows, and says what the whole document would", async () => {
    const turn = { maxTokens: 5, keep: true, images: "never" } as const;
    const first = await generated({ ...turn, prompt: ["how are you?"] });
    const second = await generated({ ...turn, past: pastOf(first), prompt: [" and why?"] });
    // The last token of the turn before, and all of the prompt but the one that is decoded.
    expect(costOf(second)).toMatchObject({ prefill: [1, 9], decode: [5, 5] });
    const said = { ids: idsOf(first) };
    expect(idsOf(second)).toEqual(idsOf(await generated({ ...turn, prompt: ["how are you?", said, " and why?"] })));
    // What went on from it has changed nothing in it.
    const again = await generated({ ...turn, past: pastOf(first), prompt: [" and why?"] });
    expect(idsOf(again)).toEqual(idsOf(second));
    for (const events of [first, second, again]) pastOf(events).close();
  });

  test("has the images that were drawn, read clean", async () => {
    const drawn = await generated({ prompt: ["ab"], images: 1, maxTokens: 0, keep: true, seed: 4 });
    expect(costOf(drawn)).toMatchObject({ read: [1, 4], decode: [0, 0] });
    const past = pastOf(drawn);
    const options = { maxTokens: 6, images: 1, seed: 5 } as const;
    const events = await generated({ ...options, past, prompt: ["cd"] });
    const fresh = await generated({ ...options, prompt: ["ab", { grid: Float32Array.from(rowsOf(drawn)) }, "cd"] });
    expect(costOf(events)["read"]).toEqual([1, 4]);
    expect(events.find((event) => event.is === "image")).toMatchObject({ image: 1 });
    near(rowsOf(events), rowsOf(fresh));
    expect(idsOf(events)).toEqual(idsOf(fresh));
    past.close();
  });

  // Both are drawn in one document; or the second one behind a past of the first, alone or beside another that goes on from it.
  test.each(["last", "never"] as const)("has images as later rows see them: %s", { timeout: 60_000 }, async (after) => {
    const own = await compiled("DualTower", "onnx", louder(2.5), {}, (text) =>
      text.replaceAll("after: given", `after: ${after}`),
    );
    try {
      const options = { steps: 2, guidance: 3, seed: 4 } as const;
      const [fresh, drawn] = [
        await all(own.session, { ...options, prompt: ["ab"], images: 2, maxTokens: 5 }),
        await all(own.session, { ...options, prompt: ["ab"], images: 1, maxTokens: 0, keep: true }),
      ];
      const past = pastOf(drawn);
      expect(past.rows.filter((row) => past.drafts.has(row))).toHaveLength(after === "never" ? 4 : 0);
      const second = { ...options, past, images: 1, maxTokens: 5 } as const;
      const events = await all(own.session, { ...second, prompt: [] });
      near([...rowsOf(drawn), ...rowsOf(events)], rowsOf(fresh));
      expect(idsOf(events)).toEqual(idsOf(fresh));
      // Of the second image the document without text has the first one: read as its last step left it, or passed over.
      expect(costOf(events)).toMatchObject(
        after === "last"
          ? { read: [1, 4], last: [1, 4], draft: [0, 0] }
          : { read: [0, 0], last: [0, 0], draft: [2, 8] },
      );
      const prompt = ["x", "yz"].map((text) => [system, text]);
      const both = await all(own.session, { ...second, prompt });
      expect(costOf(both)["prefill"]![0]).toBe(4);
      for (const [d, alone] of prompt.entries()) {
        const wanted = await all(own.session, { ...second, prompt: alone });
        near(rowsOf(both, d), rowsOf(wanted));
        expect(idsOf(both, d)).toEqual(idsOf(wanted));
      }
      past.close();
    } finally {
      await own.close();
    }
  });

  test("of several documents, each its own, two of one, and at the same time", async () => {
    const [a, b] = [await model.session.past(["first "]), await model.session.past([system])];
    const longer = await model.session.past(["more "], { past: a });
    const options = { maxTokens: 4, images: "never" } as const;
    const prompts = ["x", "yz", "", "x"];
    const [together, apart] = await Promise.all([
      generated({ ...options, past: [a, b, longer, a], prompt: prompts.map((text) => [text]) }),
      generated({ ...options, past: a, prompt: ["x"] }),
    ]);
    const whole = ["first x", `${system}yz`, "first more ", "first x"];
    for (const [d, text] of whole.entries())
      expect(idsOf(together, d)).toEqual(idsOf(await generated({ ...options, prompt: [text] })));
    expect(idsOf(apart)).toEqual(idsOf(together, 0));
    expect(costOf(together)).toMatchObject({ prefill: [1, 4], decode: [4, 16] });
    for (const past of [a, b, longer]) past.close();
  });

  test("that does not fit is refused", async () => {
    const past = await model.session.past(["ab"]);
    await expect(generated({ prompt: [["a"], ["b"]], past: [past] })).rejects.toThrow(/1 pasts were given[^]*2 doc/);
    await expect(generated({ prompt: ["a"], past: {} as never })).rejects.toThrow(/`past` is none[^]*session\.past/);
    const stranger = await openSession(model.folder);
    await expect(all(stranger, { prompt: ["a"], past })).rejects.toThrow(/of another session/);
    await stranger.close();
    past.close();
    await expect(generated({ prompt: ["a"], past })).rejects.toThrow(/the context is closed/);
    const thrown = await model.session.past([["a"]] as never).catch((cause: unknown) => cause);
    expect((thrown as Failure).message).toMatch(/part 0 of the prompt is none/);
  });
});

describe("rows that documents of a batch have in common", () => {
  const options = { maxTokens: 3, images: "never" } as const;
  test("are computed once, images too", async () => {
    const prompt = ["x", "yz", "xyz"].map((text) => [system, grid(0.25), "then ", text]);
    const events = await generated({ ...options, prompt });
    const shared = system.length + 1 + 1 + 5;
    // Once up to the image and once behind it; then what is left of each, of which x has nothing but the row that is decoded.
    expect(costOf(events)).toMatchObject({ read: [1, 4], prefill: [3, shared + 1 + 2], decode: [3, 9] });
    for (const [d, alone] of prompt.entries())
      expect(idsOf(events, d)).toEqual(idsOf(await generated({ ...options, prompt: alone })));
  });
  test("are those of images of the same numbers alone", async () => {
    const prompt = [0.25, 0.5].map((value) => [system, grid(value), "then"]);
    const events = await generated({ ...options, prompt });
    const before = system.length + 1;
    expect(costOf(events)).toMatchObject({ read: [1, 8], prefill: [2, before + 2 * 4] });
    for (const [d, alone] of prompt.entries())
      expect(idsOf(events, d)).toEqual(idsOf(await generated({ ...options, prompt: alone })));
  });
  test("are found in groups, and in groups of those", async () => {
    const other = "something else that is as long as it must be: ";
    const question = "a longer question than sixteen rows";
    const prompts = [system + question, other, system + question, system, other];
    const seeds = [1, 2, 3, 4, 5];
    const sampled = { ...options, sampling: { temperature: 1 } };
    const events = await generated({ ...sampled, prompt: prompts.map((text) => [text]), seed: seeds });
    // All but the last row of each; the one that is `system` alone shares all of its own.
    const rows = system.length - 1 + (1 + question.length - 1) + (other.length - 1);
    expect(costOf(events)).toMatchObject({ prefill: [2, rows], decode: [3, 15] });
    for (const [d, text] of prompts.entries())
      expect(idsOf(events, d)).toEqual(idsOf(await generated({ ...sampled, prompt: [text], seed: seeds[d]! })));
  });
  test("too few are computed with each document, by one call", async () => {
    const events = await generated({ ...options, prompt: [["ab cd"], ["ab ce"]] });
    expect(costOf(events)).toMatchObject({ prefill: [1, 8] });
  });
  test("of a batch in another order and of a larger one leave each document as it is", async () => {
    const prompts = [[system, "x"], [system, grid(0.25), "y"], ["z"]];
    const drawing = { maxTokens: 4, images: 1, seed: [1, 2, 3] } as const;
    const events = await generated({ ...drawing, prompt: prompts });
    const order = [2, 0, 1];
    const permuted = await generated({ ...drawing, prompt: order.map((d) => prompts[d]!), seed: [3, 1, 2] });
    const larger = await generated({
      ...drawing,
      prompt: [...prompts, [system, grid(0.25), "another"]],
      seed: [1, 2, 3, 4],
    });
    for (const [d, prompt] of prompts.entries()) {
      const alone = await generated({ ...drawing, prompt, seed: d + 1 });
      for (const [found, at] of [
        [events, d],
        [permuted, order.indexOf(d)],
        [larger, d],
      ] as const) {
        expect(idsOf(found, at)).toEqual(idsOf(alone));
        near(rowsOf(found, at), rowsOf(alone));
      }
    }
  });
  test("are judged by the oracle", { timeout: 60_000 }, async () => {
    const prompt = [[system, grid(0.25), "x"], [system, grid(0.25), "then y"], [system]];
    const { errors, documents } = await judged(model, { prompt, maxTokens: 2, images: 1, steps: 2 });
    expect(documents).toHaveLength(3);
    expect(errors["decode"]!.rows).toBe(6);
    expect(errors["decode"]!.nmse).toBeLessThan(1e-10);
    expect(errors["denoise"]!.rows).toBe(3 * 2 * 4);
    expect(errors["denoise"]!.nmse).toBeLessThan(1e-10);
  });
});

const near = (got: readonly number[], want: readonly number[]): void => {
  expect(got.length).toBe(want.length);
  got.forEach((x, i) => expect(x).toBeCloseTo(want[i]!, 4));
};
