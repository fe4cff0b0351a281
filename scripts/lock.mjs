// A lock between processes: a file that holds the id of the process that made it.
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/** Nothing that is done under a lock takes this long: an older lock was left by a process whose id is another's now. */
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

/** Who holds the lock: the text of the file; undefined where it is free. */
const holder = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

const age = (path) => {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
};

/** Takes a dead process's lock away. Of two that try, one may move a lock that is new: that one is put back. */
const remove = (path, dead, own) => {
  const aside = `${own}.old`;
  try {
    renameSync(path, aside);
    if (holder(aside) !== dead) linkSync(aside, path);
  } catch {
    // Somebody else was first.
  }
  rmSync(aside, { force: true });
};

/** Runs `work` while no other process does so under the lock file `path`; waits for that. */
export const locked = (path, work) => {
  const own = `${path}.${process.pid}`;
  // Written whole before it gets its name: nobody reads half a lock.
  writeFileSync(own, `${process.pid} ${performance.timeOrigin}`);
  try {
    for (;;) {
      try {
        linkSync(own, path);
        break;
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
      }
      const held = holder(path);
      if (held === undefined) continue;
      if (!isAlive(Number.parseInt(held, 10)) || age(path) > OLDEST_MS) remove(path, held, own);
      else sleep(WAIT_MS);
    }
    try {
      return work();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
};
