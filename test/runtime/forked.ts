// Forked contexts on either target: copies that go on apart, of which each is what it would be alone.
import { expect } from "vitest";
import type { Context, DocumentRow, Result, Session } from "../../runtime/index.ts";

export const text = (...ids: readonly number[]): DocumentRow[] =>
  ids.map((id) => ({ kind: "text", span: 0, index: 0, values: { id } }));
const marker = (kind: string): DocumentRow => ({ kind, span: 0, index: 0, values: {} });
/** The patches of a small model of the tests. */
const patches = (seed: number): DocumentRow[] =>
  Array.from({ length: 4 }, (_, index) => ({
    kind: "image.patch",
    span: 0,
    index,
    values: { z: Float32Array.from({ length: 12 }, (_number, n) => Math.sin(seed + index * 12 + n)) },
  }));
const spans = { image: [{ t: 0 }] };
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => 40 + i);

/** Two documents: text; and text, an image and text, past the first room of the caches. */
const grown = async (session: Session): Promise<Context> => {
  const context = session.start(2);
  const longer = text(...upTo(18));
  await session.append(context, "prefill", [{ rows: text(7, 8, 9) }, { rows: [...longer, marker("image.open")] }]);
  await session.append(context, "read", [{ rows: [] }, { rows: patches(1), spans }]);
  await session.append(context, "prefill", [{ rows: text(10) }, { rows: [marker("image.close"), ...text(60)] }]);
  return context;
};
const decoded = (session: Session, context: Context, ids: readonly number[]): Promise<Result> =>
  session.append(
    context,
    "decode",
    ids.map((id) => ({ rows: text(id) })),
  );
const logitsOf = (result: Result, d: number): Float32Array => [...result.rows("text.logits", d).values()][0]!;

/** Forks equal what they are forks of to the bit, and what is appended to one is not seen by another. */
export const forksGoApart = async (session: Session): Promise<void> => {
  const context = await grown(session);
  const fork = await session.fork(context);
  const other = await grown(session);
  expect(fork.bytes).toBe(context.bytes);
  for (const d of [0, 1]) expect(fork.length(d)).toBe(context.length(d));
  const [a, b] = [await decoded(session, context, [70, 71]), await decoded(session, fork, [70, 71])];
  for (const d of [0, 1]) expect(logitsOf(b, d)).toEqual(logitsOf(a, d));
  // From here on they differ; the one that is not forked has the rows of the fork.
  await decoded(session, context, [1, 2]);
  await decoded(session, fork, [3, 4]);
  for (const ids of [
    [70, 71],
    [3, 4],
  ])
    await decoded(session, other, ids);
  const [own, wanted, apart] = [
    await decoded(session, fork, [5, 6]),
    await decoded(session, other, [5, 6]),
    await decoded(session, context, [5, 6]),
  ];
  for (const d of [0, 1]) {
    expect(logitsOf(own, d)).toEqual(logitsOf(wanted, d));
    expect(logitsOf(apart, d)).not.toEqual(logitsOf(wanted, d));
  }
  context.close();
  expect((await decoded(session, fork, [7, 8])).program).toBe("decode(text)");
  fork.close();
  other.close();
  expect(fork.bytes).toBe(0);
};

/** Documents of several contexts in one, in any order and number: each goes on as it would alone. */
export const gathersDocuments = async (session: Session): Promise<void> => {
  const [context, short] = [await grown(session), session.start(1)];
  await session.append(short, "prefill", [{ rows: text(20, 21) }]);
  const wide = await session.gather([
    { context, document: 1 },
    { context: short, document: 0 },
    { context, document: 0 },
    { context, document: 1 },
    { context: session.start(), document: 0 },
  ]);
  expect(wide.batch).toBe(5);
  expect([0, 1, 2, 3, 4].map((d) => wide.length(d))).toEqual([25, 2, 4, 25, 0]);
  const result = await decoded(session, wide, [80, 81, 82, 83, 84]);
  const alone = async (from: Context, d: number, id: number): Promise<Float32Array> =>
    logitsOf(await decoded(session, await session.fork(from, [d]), [id]), 0);
  near(logitsOf(result, 0), await alone(context, 1, 80));
  near(logitsOf(result, 1), await alone(short, 0, 81));
  near(logitsOf(result, 2), await alone(context, 0, 82));
  near(logitsOf(result, 3), await alone(context, 1, 83));
  near(logitsOf(result, 4), await alone(session.start(), 0, 84));
  // Spans go along: another image is the second of its document, and none the first.
  const second = patches(2).map((row) => ({ ...row, span: 1 }));
  const open = { ...marker("image.open"), span: 1 };
  const [one] = [await session.fork(wide, [3])];
  await session.append(one, "prefill", [{ rows: [open] }]);
  const drawn = await session.append(one, "denoise", [{ rows: second, spans: { image: [{ t: 0.5 }] } }]);
  expect(drawn.rows("image.patch.velocity", 0).size).toBe(4);
  for (const each of [context, short, wide, one]) each.close();
};

/** What cannot be forked is refused, in words. */
export const refusesForks = async (session: Session, stranger: Session): Promise<void> => {
  const context = session.start(2);
  await expect(session.fork(context, [2])).rejects.toThrow(/document 2 was asked for, and the batch has 2/);
  await expect(session.fork(context, [])).rejects.toThrow(/a batch of 0 documents/);
  await expect(stranger.fork(context)).rejects.toThrow(/the context is of another session/);
  const call = session.append(context, "prefill", [{ rows: text(1) }, { rows: text(2) }]);
  await expect(session.fork(context)).rejects.toThrow(/a call on this context is under way/);
  await call;
  const forks = [session.fork(context, [1]), session.fork(context, [0])];
  await expect(decoded(session, context, [1, 2])).rejects.toThrow(/a document of this context is being copied/);
  for (const fork of forks) expect((await fork).length(0)).toBe(1);
  await decoded(session, context, [1, 2]);
  context.close();
  await expect(session.fork(context)).rejects.toThrow(/the context is closed/);
};

const near = (got: Float32Array, want: Float32Array): void => {
  expect(got.length).toBe(want.length);
  got.forEach((x, i) => expect(Math.abs(x - want[i]!)).toBeLessThanOrEqual(1e-4));
};
