// Generation and calls that run out of room for keys and values, on either target: what is there stays, and goes on.
import { expect } from "vitest";
import { type Context, Failure, type GenerateOptions, type Session } from "../../runtime/index.ts";
import { text } from "../runtime/forked.ts";
import { all, idsOf } from "./told.ts";

const LONG = 400;
const options = { prompt: ["ab"], images: "never" } as const;

/** What keys and values of a short document take. */
export const smallest = async (session: Session): Promise<number> => {
  const context = session.start();
  await session.append(context, "decode", [{ rows: text(1) }]);
  const { bytes } = context;
  context.close();
  return bytes;
};

/** Ids that were told before a generation failed, and how it did. */
const failing = async (session: Session, given: GenerateOptions): Promise<{ ids: number[]; failure: Failure }> => {
  const ids: number[] = [];
  try {
    for await (const event of session.generate(given)) if (event.is === "text") ids.push(...event.ids);
  } catch (thrown) {
    if (thrown instanceof Failure) return { ids, failure: thrown };
    throw thrown;
  }
  throw new Error("there was room");
};
/**
 * @param free a session with all the room that there is
 * @param session the same with room for a few short documents, and not for a long one; it is closed
 */
export const outOfRoom = async (free: Session, session: Session): Promise<void> => {
  const without = /program decode\(text\): keys and values of 1 document needs? .* may be used/;
  const wanted = idsOf(await all(free, { ...options, maxTokens: LONG / 2 }));
  // In the middle of a stream: what was told is right, and a shorter one has room again.
  const { ids, failure } = await failing(session, { ...options, maxTokens: LONG });
  expect(failure.message).toMatch(without);
  expect(ids.length).toBeGreaterThan(8);
  expect(ids.length).toBeLessThan(LONG / 2);
  expect(ids).toEqual(wanted.slice(0, ids.length));
  const short = { ...options, maxTokens: 4 };
  expect(idsOf(await all(session, short))).toEqual(wanted.slice(0, 4));

  // Behind a past, which stays what it was.
  const past = await session.past(options.prompt);
  const behind = await failing(session, { ...options, past, prompt: [], maxTokens: LONG });
  expect(behind.failure.message).toMatch(without);
  expect(idsOf(await all(session, { ...short, past, prompt: [] }))).toEqual(wanted.slice(0, 4));
  past.close();

  // Contexts until there is no room for one more: none of them can grow, and each is as it was.
  const contexts: Context[] = [];
  const begun = async (from: Session): Promise<Context> => {
    const context = from.start();
    await from.append(context, "prefill", [{ rows: text(...upTo(10)) }]).catch((thrown: unknown) => {
      context.close();
      throw thrown;
    });
    return context;
  };
  const noneBegins = async (): Promise<void> => {
    for (let i = 0; i < LONG; i++) contexts.push(await begun(session));
  };
  await expect(noneBegins()).rejects.toThrow(/program prefill\(text\): keys and values of 1 document needs? /);
  const [context, ...others] = contexts as [Context, ...Context[]];
  const double = await begun(free);
  const { bytes } = context;
  const more = [{ rows: text(...upTo(8)) }];
  await expect(session.append(context, "prefill", more)).rejects.toThrow(/program prefill\(text\): keys and values/);
  await expect(session.fork(context)).rejects.toThrow(/a copy: keys and values of 1 document needs? /);
  expect([context.length(0), context.bytes]).toEqual([10, bytes]);
  // Fewer rows have room, and the same when others are closed.
  for (const each of others.slice(0, 2)) {
    const [own, whole] = [await decoded(session, context), await decoded(free, double)];
    expect(own).toEqual(whole);
    each.close();
  }
  for (const [from, each] of [
    [session, context],
    [free, double],
  ] as const)
    await from.append(each, "prefill", more);
  expect(await decoded(session, context)).toEqual(await decoded(free, double));
  for (const each of [context, double, ...others]) each.close();
  await session.close();
};

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => 40 + i);
const decoded = async (session: Session, context: Context): Promise<readonly number[]> => {
  const result = await session.append(context, "decode", [{ rows: text(7) }]);
  return [...[...result.rows("text.logits", 0).values()][0]!];
};
