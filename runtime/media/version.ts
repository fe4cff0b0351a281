// Which sharp is installed: for people who ask what is missing.
import { loadPackage } from "../package.ts";

/** @throws Failure "package" where it is missing or does not load */
export const sharpVersion = async (): Promise<string> =>
  (await loadPackage("sharp", "reading and writing pictures", () => import("sharp"))).default.versions.sharp;
