// A process of its own for the limits: reads `main.graft` in a folder, analyses every model of it, and with `compile`
// makes each one's graphs. Prints what it found, the processor time since the process began (the clock on the wall would
// judge what else the machine does), and the memory that it had.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check, onnx, programs } from "../../compiler/index.ts";

const [folder, mode] = process.argv.slice(2) as [string, string];
const read = (path: string): string | undefined => {
  try {
    return readFileSync(join(folder, path), "utf8");
  } catch {
    return undefined;
  }
};
const checked = check("main.graft", read);
let bytes = 0;
for (const name of checked.models) {
  const model = checked.model(name);
  if (!model || mode !== "compile") continue;
  const module = programs(model, checked.sources);
  for (const program of module.programs) {
    const length = (shape: readonly unknown[]): number => 4 * (shape as number[]).reduce((n, d) => n * d, 1);
    const made = onnx(module, program, {
      profile: "ort-cpu",
      constants: "c.bin",
      place: ({ type }) => ({ location: "w", offset: 0, length: length(type.shape), dtype: "f32" }),
    });
    bytes += made.model.length;
  }
}
const { user, system } = process.cpuUsage();
const codes = checked.report.found.map((d) => d.code);
process.stdout.write(
  JSON.stringify({
    codes,
    bytes,
    models: checked.models.length,
    milliseconds: (user + system) / 1000,
    mebibytes: process.resourceUsage().maxRSS / 1024,
  }),
);
