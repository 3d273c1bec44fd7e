import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: [process.env["npm_lifecycle_event"] === "figures" ? "figures.ts" : "*.test.ts"],
    // A browser and a broker each: two files at a time are as much as two cores take.
    maxWorkers: 2,
    // Bounds for a machine under load, not waiting times.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
