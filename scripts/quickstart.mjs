// `npm run quickstart`: from a fresh clone to a compiled, verified model that reads a text and a photograph. Installs and
// builds where needed, then runs the commands a user would type, and says what each took.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, root } from "./install.mjs";

const spec = "examples/xfusion/xfusion.graft";
const model = "DualTower";
const out = join("out", "quickstart");
const picture = join("out", "predicted.png");
const cli = join("dist", "cli", "graftwerk.js");

const commands = [
  ["check", spec],
  ["compile", spec, "--model", model, "--target", "onnx", "--seed", "1", "--out", out],
  ["verify", spec, "--model", model],
  ["generate", out, "--prompt", "A photograph of", "--image", join("examples", "photo.jpg"), "--out", picture],
];

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const step = (title, run) => {
  console.log(`\n> ${title}`);
  const since = performance.now();
  run();
  console.log(`  (${seconds(since)})`);
};

const node = (args) => {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status === 0) return;
  console.error(`\nquickstart stopped: \`node ${args.join(" ")}\` ended with ${status}.`);
  process.exit(1);
};

const since = performance.now();
step("install", install);
step("build", () => node([join("scripts", "build.mjs")]));
for (const command of commands) {
  const shown = command.map((word) => (word.includes(" ") ? JSON.stringify(word) : word)).join(" ");
  step(`graftwerk ${shown}`, () => node([cli, ...command]));
}
console.log(`
Done in ${seconds(since)}.
  ${out}  the graphs, their weights and manifest.json
  ${picture}  the image that was drawn behind the photograph and the prompt
The weights are initial values, drawn from a seed and not trained: neither the tokens nor the image mean anything yet.`);
