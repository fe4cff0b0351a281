// `graftwerk doctor` where there is a GPU: what it says of it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import type { Gpu } from "../../cli/gpu.ts";
import { graftwerk, root } from "../cli/built.ts";
import { gpu } from "./gpu.ts";

test("doctor shows the GPU that the tests have", async () => {
  const { info, limits } = await gpu();
  const { status, stdout, stderr } = graftwerk(["doctor"]);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^webgpu +0\.\d+\.\d+$/m);
  expect(stdout).toMatch(/^GPU +\S/m);
  expect(stdout).toMatch(/^ {2}features +(no )?subgroups/m);
  const found = JSON.parse(graftwerk(["doctor", "--json"]).stdout) as { readonly gpu: Gpu };
  expect(found.gpu).toMatchObject({ ok: true, detail: "", repair: null, adapter: { ...info, limits } });
  expect(found.gpu.adapter!.backends.length).toBeGreaterThan(0);
  const schema = JSON.parse(readFileSync(join(root, "schemas", "doctor@1.json"), "utf8")) as object;
  const validate = new Ajv2020({ strict: true }).compile(schema);
  validate(found);
  expect(validate.errors ?? []).toEqual([]);
});
