// Every form that `--json` or a compiled folder has, by the `schema` that it begins with. They are published as JSON
// Schema in schemas/, which scripts/schemas.mjs writes from here; no command loads this.
import { MANIFEST_SCHEMA } from "../../runtime/manifest.ts";
import { manifestForm } from "../../runtime/parseManifest.ts";
import { CHECKPOINT_SCHEMA, storedForm } from "../../runtime/train/checkpoint.ts";
import type { Form } from "../../runtime/schema.ts";
import { expand, inspect } from "./models.ts";
import { check, codes, diagnostics, doctor, error, explain, format } from "./reports.ts";
import { compile, generate, train, verify } from "./results.ts";

interface Published {
  readonly description: string;
  readonly form: Form;
}
const published = (description: string, { form }: { readonly form: Form }): Published => ({ description, form });

export const schemas: Readonly<Record<string, Published>> = {
  [MANIFEST_SCHEMA]: published("manifest.json of a compiled folder", manifestForm),
  [CHECKPOINT_SCHEMA]: published("train.json of a checkpoint", storedForm),
  "graftwerk/check@1": published("graftwerk check --json", check),
  "graftwerk/codes@1": published("graftwerk explain --json, without a code", codes),
  "graftwerk/compile@1": published("graftwerk compile --json", compile),
  "graftwerk/diagnostics@1": published("mistakes in a specification, of any command with --json", diagnostics),
  "graftwerk/doctor@1": published("graftwerk doctor --json", doctor),
  "graftwerk/error@1": published("why a command with --json failed, where the specification is not why", error),
  "graftwerk/expand@1": published("graftwerk expand --json", expand),
  "graftwerk/explain@1": published("graftwerk explain CODE --json", explain),
  "graftwerk/format@1": published("graftwerk format --json", format),
  "graftwerk/generate@2": published("graftwerk generate --json", generate),
  "graftwerk/inspect@1": published("graftwerk inspect --json", inspect),
  "graftwerk/train@1": published("graftwerk train --json", train),
  "graftwerk/verify@1": published("graftwerk verify --json", verify),
};
