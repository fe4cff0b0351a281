// Bindings as files of a compiled folder. `.mjs`, because `.js` means what the nearest package.json says, and in a folder
// that somebody compiled into, that is often CommonJS.
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Bindings } from "../../compiler/bindings/index.ts";
import type { BindingsFile } from "../../runtime/manifest.ts";
import { writeWhole } from "../../runtime/weights/file.ts";

/** Writes them into `folder`; `tag` is part of their names, as of those of graphs. */
export const writeBindings = async (
  folder: string,
  tag: string,
  { module, declarations }: Bindings,
): Promise<BindingsFile[]> => {
  const stem = tag === "" ? "model" : `model.${tag}`;
  const texts = { [`${stem}.mjs`]: module, [`${stem}.d.mts`]: declarations };
  const written: BindingsFile[] = [];
  for (const [file, text] of Object.entries(texts)) {
    const bytes = new TextEncoder().encode(text);
    await writeWhole(join(folder, file), [bytes]);
    written.push({ file, sha256: createHash("sha256").update(bytes).digest("hex") });
  }
  return written;
};
