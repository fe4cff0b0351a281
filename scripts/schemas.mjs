// Writes schemas/: one JSON Schema for each form that `--json` has, from cli/schemas/. The files are committed, because
// they are published and linked to; a test asks `--check` that they are current.
import { bring } from "./current.mjs";
import { load } from "./load.mjs";

const { schemas } = await load("cli/schemas/index.ts");
const texts = Object.entries(schemas).map(([id, { description, form }]) => {
  const path = `schemas/${id.slice(id.indexOf("/") + 1)}.json`;
  const whole = { $schema: "https://json-schema.org/draft/2020-12/schema", $id: id, title: id, description, ...form };
  return [path, `${JSON.stringify(whole, undefined, 2)}\n`];
});
bring(Object.fromEntries(texts), "npm run schemas", "schemas");
