// Forked contexts with keys and values on a device.
import { afterAll, beforeAll, test } from "vitest";
import { openSession } from "../../runtime/index.ts";
import { type Compiled, compiled, louder } from "../generate/judged.ts";
import { forksGoApart, gathersDocuments, refusesForks } from "../runtime/forked.ts";
import { gpu } from "./gpu.ts";

let model: Compiled;
beforeAll(async () => {
  model = await compiled("DualTower", "webgpu", louder(1), { adapter: await gpu() });
}, 60_000);
afterAll(() => model.close());

test("a fork goes on as the same documents would", { timeout: 120_000 }, () => forksGoApart(model.session));
test("documents of several contexts in one are what each is alone", { timeout: 60_000 }, () =>
  gathersDocuments(model.session),
);
test("what cannot be forked is refused", { timeout: 60_000 }, async () => {
  const stranger = await openSession(model.folder, { adapter: await gpu() });
  await refusesForks(model.session, stranger);
  await stranger.close();
});
