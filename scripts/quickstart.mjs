// `npm run quickstart`: from a fresh clone to a compiled, verified model that reads a text and a photograph. Installs and
// builds where needed, then runs the commands a user would type, and says what each took.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { install, root } from "./install.mjs";

const spec = "examples/xfusion/xfusion.graft";
const model = "DualTower";
const out = join("out", "quickstart");
const cli = join("dist", "cli", "graftwerk.js");

const commands = [
  ["check", spec],
  ["compile", spec, "--model", model, "--target", "onnx", "--out", out],
  ["verify", spec, "--model", model],
  [
    "generate",
    out,
    "--prompt",
    "A photograph of",
    "--image",
    "examples/photo.jpg",
    "--out",
    join(out, "predicted.png"),
  ],
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
console.log(`\nDone in ${seconds(since)}. The graphs, their manifest and the predicted image are in ${out}/.`);
