// A compilation that is killed at a named point: what it leaves is what a SIGKILL there leaves.
import { addToFolder, replaceFolder, type Watch } from "../../cli/folder.ts";
import { fillWith } from "./leftover.ts";

const [mode, path, tag, at] = process.argv.slice(2) as [string, string, string, string];
const watch: Watch = (moment) => {
  if (moment === at) process.kill(process.pid, "SIGKILL");
};
await (mode === "beside" ? addToFolder(path, fillWith(tag), watch) : replaceFolder(path, fillWith(tag), watch));
