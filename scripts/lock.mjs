// A lock between processes: a file that holds the id of the process that made it.
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/** Nothing that is done under a lock takes this long: an older one was left by a process whose id is another's now. */
const OLDEST_MS = 120_000;
const WAIT_MS = 20;

const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

/** The lock as it is now; undefined where there is none. An empty one is just being written. */
const look = (path) => {
  try {
    return { text: readFileSync(path, "utf8"), age: Date.now() - statSync(path).mtimeMs };
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  }
};
const isLeft = ({ text, age }) => age > OLDEST_MS || (text !== "" && !isAlive(Number.parseInt(text, 10)));

/** Takes a lock away that was left behind. Of two that try, the slower one may catch a new lock: it puts that back. */
const clear = (path, left) => {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (look(aside)?.text === left.text) rmSync(aside);
    else renameSync(aside, path);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
};

const take = (path) => {
  try {
    // With the time, so that a process with the same id as an earlier one has another text.
    writeFileSync(path, `${process.pid} ${performance.timeOrigin}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
};

/** Runs `work` while no other process does so under the lock file `path`; waits for that. */
export const locked = (path, work) => {
  while (!take(path)) {
    const found = look(path);
    if (found !== undefined && isLeft(found)) clear(path, found);
    else sleep(WAIT_MS);
  }
  try {
    return work();
  } finally {
    rmSync(path, { force: true });
  }
};
