import { defineConfig } from "vitest/config";

// Measurements, one at a time.
const config = defineConfig({
  test: { include: ["bench/**/*.test.ts"], pool: "forks", maxWorkers: 1, testTimeout: 600_000 },
});

export { config as default };
