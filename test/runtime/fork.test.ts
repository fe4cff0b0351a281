// Forked contexts with keys and values in arrays of the process.
import { afterAll, beforeAll, test } from "vitest";
import { openSession } from "../../runtime/index.ts";
import { type Compiled, compiled, louder } from "../generate/judged.ts";
import { forksGoApart, gathersDocuments, refusesForks } from "./forked.ts";

let model: Compiled;
beforeAll(async () => {
  model = await compiled("DualTower", "onnx", louder(1));
});
afterAll(() => model.close());

test("a fork goes on as the same documents would", () => forksGoApart(model.session));
test("documents of several contexts in one are what each is alone", () => gathersDocuments(model.session));
test("what cannot be forked is refused", async () => {
  const stranger = await openSession(model.folder);
  await refusesForks(model.session, stranger);
  await stranger.close();
});
