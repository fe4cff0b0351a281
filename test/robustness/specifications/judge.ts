// What analysis may do with any text: answer with a bounded number of messages, each of which stands in a text that was
// read, quickly, and never throw. Where nothing is wrong, the model can be compiled.
import { check, programs } from "../../../compiler/index.ts";
import { maxDiagnostics, renderAll } from "../../../grammar/index.ts";
import { Tally } from "../tally.ts";
import { mutant } from "./mutant.ts";

/** The processor's milliseconds that one text may take. */
const SLOWEST = 2000;
/** One in so many texts has its messages printed, or, a right one, its programs made: both are slower than the check. */
const SHOWN = 16;
const COMPILED = 64;

const read = (text: string, n: number, tally: Tally): void => {
  const checked = check("main.graft", (path) => (path === "main.graft" ? text : undefined));
  checked.checkAll();
  const { report, sources } = checked;
  const { found } = report;
  if (found.length > maxDiagnostics) throw new Error(`${found.length} messages`);
  tally.reach("most messages", found.length, n);
  for (const { code, path, span, notes } of found) {
    tally.kinds.add(code);
    for (const place of [{ path, span }, ...notes]) {
      const within = sources.find((source) => source.path === place.path);
      const { from, to } = place.span;
      if (!within || !(from >= 0 && from <= to && to <= within.text.length))
        throw new Error(`${code} stands at ${place.path} ${from} to ${to}, where there is no text`);
    }
  }
  tally.count(found.length > 0 ? "wrong" : "right");
  if (found.length > 0 && n % SHOWN === 0) renderAll(sources, report);
  if (found.length > 0 || n % COMPILED > 0) return;
  for (const name of checked.models) {
    programs(checked.model(name)!, sources);
    tally.count("models compiled");
  }
};

/** By the processor's clock: what else the machine does is not the text's fault. */
const processorTime = (text: string, n: number): number => {
  const before = process.cpuUsage();
  read(text, n, new Tally());
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

/** Judges mutation `n` of a seed. A text that does what it may not is a fault of the tally. */
export const judgeSpecification = (seed: number, n: number, tally: Tally): void => {
  const text = mutant(seed, n);
  const fault = (what: string): void => tally.fault(`mutation ${n} of seed ${seed}: ${what}\n\n${text}`);
  tally.count("specifications");
  const before = performance.now();
  try {
    read(text, n, tally);
    const time = performance.now() - before;
    // Reading the processor's clock is slow, so it is asked only where the text may be the slowest.
    if (time <= (tally.most.get(MILLISECONDS)?.[0] ?? 0)) return;
    const least = Math.min(time, processorTime(text, n));
    tally.reach(MILLISECONDS, least, n);
    if (least > SLOWEST) fault(`takes ${least} ms`);
  } catch (thrown) {
    fault(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }
};
const MILLISECONDS = "slowest, in ms";
