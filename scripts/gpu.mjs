// The environment in which Dawn finds the adapter that tests and measurements use: on Linux x64 SwiftShader, the same on
// every machine, unless GRAFTWERK_GPU=system asks for the system's own; elsewhere the system's. The variables are read by
// the system's loader, so they must be there when a process starts.
import { delimiter, join } from "node:path";
import { ICD, swiftshader } from "./swiftshader.mjs";

/** Variables to add; `GRAFTWERK_GPU` tells the tests that they were started with them. @throws Error with what is wrong */
export const gpuEnvironment = () => {
  const asked = process.env.GRAFTWERK_GPU;
  if (asked !== undefined && asked !== "" && asked !== "system" && asked !== "swiftshader")
    throw new Error(`GRAFTWERK_GPU is ${JSON.stringify(asked)}; it may be "system" or "swiftshader"`);
  const carried = process.platform === "linux" && process.arch === "x64";
  if (asked === "swiftshader" && !carried) throw new Error("GRAFTWERK_GPU=swiftshader works on Linux x64 only");
  if (asked === "system" || !carried) return { GRAFTWERK_GPU: "system" };
  const folder = swiftshader();
  const icd = join(folder, ICD);
  const libraries = [folder, process.env.LD_LIBRARY_PATH].filter((path) => path !== undefined && path !== "");
  // A newer loader asks for the second name first.
  return {
    GRAFTWERK_GPU: "swiftshader",
    VK_ICD_FILENAMES: icd,
    VK_DRIVER_FILES: icd,
    LD_LIBRARY_PATH: libraries.join(delimiter),
  };
};
