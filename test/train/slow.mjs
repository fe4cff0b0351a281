// Loaded before a command: flushing a file to the disk takes a while, so that a test can kill it inside of a checkpoint.
import { open } from "node:fs/promises";

const handle = await open(new URL(import.meta.url));
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { sync } = prototype;
prototype.sync = async function () {
  await new Promise((done) => setTimeout(done, 40));
  return sync.call(this);
};
