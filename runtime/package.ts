// Optional packages: loaded on first use, and named with the command that installs them where they are missing.
import { Failure, reasonOf } from "./failure.ts";

const isMissing = (thrown: unknown): boolean =>
  thrown instanceof Error &&
  "code" in thrown &&
  (thrown.code === "ERR_MODULE_NOT_FOUND" || thrown.code === "MODULE_NOT_FOUND");

/** The module that `load` imports. `purpose` completes "... is needed for". @throws Failure "package" */
export const loadPackage = async <T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> => {
  try {
    return await load();
  } catch (cause) {
    throw isMissing(cause)
      ? new Failure(
          "package",
          `the package ${name} is needed for ${purpose} and is not installed`,
          `npm install --ignore-scripts ${name}`,
          cause,
        )
      : new Failure(
          "package",
          `the package ${name} does not load on this machine: ${reasonOf(cause)}`,
          `npm install --ignore-scripts ${name}`,
          cause,
        );
  }
};
