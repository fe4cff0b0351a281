// A weight that is to be trained and on which no loss depends is neither an input nor changed: it lies where it lies.
import { expect, test } from "vitest";
import { training } from "../../compiler/index.ts";
import { specify } from "../reference/run.ts";
import { specification } from "./compiled.ts";

test("a weight behind stop_gradient is no input of any program", () => {
  const text = specification("XFuse").replaceAll("+ beta * seen", "+ stop_gradient(beta) * seen");
  const { model, sources } = specify(text, "XFuse");
  const module = training(model, sources);
  const betas = model.weights.filter(({ path }) => path.endsWith(".beta"));
  expect(betas.length).toBeGreaterThan(0);
  expect(betas.every(({ trained }) => trained)).toBe(true);
  for (const { path } of betas) {
    expect(module.trained.map(({ name }) => name)).not.toContain(path);
    expect(module.params.map(({ name }) => name)).toContain(path);
    for (const { name, inputs } of module.programs)
      expect(
        inputs.map((port) => port.name),
        name,
      ).not.toContain(`weight/${path}`);
  }
});
