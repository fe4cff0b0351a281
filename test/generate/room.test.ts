// Generation that runs out of room for keys and values in arrays of the process.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSession } from "../../runtime/index.ts";
import { type Compiled, compiled, louder } from "./judged.ts";
import { outOfRoom, smallest } from "./room.ts";

let model: Compiled;
beforeAll(async () => {
  model = await compiled("LlamaModel", "onnx", louder(1));
});
afterAll(() => model.close());

test("nothing is lost, and a shorter one goes on", async () => {
  const budget = 6 * (await smallest(model.session));
  await outOfRoom(model.session, await openSession(model.folder, { budget }));
});
test("a budget is a number of bytes", async () => {
  await expect(openSession(model.folder, { budget: NaN })).rejects.toThrow(/the budget is NaN/);
});
