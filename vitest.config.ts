import { defineConfig } from "vitest/config";

// Processes and not threads: native packages (ONNX Runtime, sharp, Dawn) are loaded once in each and end with it.
const shared = { pool: "forks", testTimeout: 60_000, hookTimeout: 120_000 } as const;
const GPU = "test/webgpu/**/*.test.ts";

const config = defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: "core", include: ["test/**/*.test.ts"], exclude: [GPU], maxWorkers: 2 } },
      {
        test: {
          ...shared,
          name: "gpu",
          include: [GPU],
          setupFiles: ["test/webgpu/setup.ts"],
          // One process for all files: the adapter is opened once, and a pipeline that is alive is not compiled again.
          isolate: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

export { config as default };
