// A process that judges ranges of samples: reads `WHAT SEED FROM TO` a line, and answers each with a line of its tally. With
// the argument `sum` it reads such lines and prints their sum.
import { createInterface } from "node:readline";
import { judges } from "./judges.ts";
import { type Line, Tally } from "./tally.ts";

const sum = new Tally();
for await (const line of createInterface(process.stdin)) {
  if (process.argv[2] === "sum") {
    sum.add(JSON.parse(line) as Line);
    continue;
  }
  const [what, ...numbers] = line.split(" ");
  const [seed, from, to] = numbers.map(Number) as [number, number, number];
  const judge = await judges[what!]!();
  const tally = new Tally();
  for (let n = from; n < to; n++) await judge(seed, n, tally);
  process.stdout.write(`${JSON.stringify(tally.line(from, to))}\n`);
}
if (process.argv[2] === "sum") process.stdout.write(`${sum.text()}\n`);
