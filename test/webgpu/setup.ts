// Run before each file of the project `gpu`: says what to do where its tests cannot run.
import { Failure } from "../../runtime/failure.ts";
import { gpu } from "./gpu.ts";

if (process.env["GRAFTWERK_GPU"] === undefined)
  throw new Error(
    "these tests need an environment that must be set before their process starts: run them with `npm test`, " +
      "or a part of them with `npm test -- test/webgpu/NAME.test.ts`",
  );
try {
  await gpu();
} catch (cause) {
  if (!(cause instanceof Failure)) throw cause;
  throw new Error(`${cause.message}\nWithout a GPU, \`npm run test:core\` runs all other tests.`, { cause });
}
