import { defineConfig } from "vitest/config";

// Processes and not threads: native packages (ONNX Runtime, sharp) are loaded once in each and end with it.
const config = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});

export { config as default };
