// A process of its own for the memory that a file takes: opens a checkpoint or a manifest, and prints what came of it and
// the most memory that the process had, before and after, in bytes.
import { readManifest } from "../../../runtime/session.ts";
import { Failure } from "../../../runtime/failure.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";

const [what, folder, name] = process.argv.slice(2) as [string, string, string];
const peak = (): number => process.resourceUsage().maxRSS * 1024;
const before = peak();
const began = performance.now();
let outcome: string;
try {
  if (what === "manifest") outcome = (await readManifest(folder, name)).model;
  else {
    const checkpoint = await openCheckpoint(`${folder}/${name}`);
    outcome = `${checkpoint.tensors.size} tensors`;
    await checkpoint.close();
  }
} catch (thrown) {
  outcome = thrown instanceof Failure ? `refused: ${thrown.message}` : `crash: ${String(thrown)}`;
}
process.stdout.write(JSON.stringify({ outcome, before, after: peak(), milliseconds: performance.now() - began }));
