// The page that says what is promised of hostile input: tests hold its figures to what they count.
import { readFileSync } from "node:fs";

export const page = readFileSync(new URL("../../docs/robustness.md", import.meta.url), "utf8");
