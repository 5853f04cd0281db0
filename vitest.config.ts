import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { noRealAccount } from "./test/endpoints/aws.ts";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const seconds = (count: number) => count * 1000;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^stateful-actors$|^@telnyx\/edge-runtime$/, replacement: source("runtime/index.ts") },
      { find: /^stateful-actors\/client$/, replacement: source("runtime/client.ts") },
      { find: /^stateful-actors\/bound$/, replacement: source("handlers/bound.ts") },
      { find: /^stateful-actors\/testing$/, replacement: source("handlers/testing.ts") },
      { find: /^stateful-actors\/cdk$/, replacement: source("cdk/index.ts") },
    ],
  },
  test: {
    env: noRealAccount,
    teardownTimeout: seconds(180),
    // Limits that only what hangs for good exceeds, however busy the machine is: none of them is part of what a test asserts.
    testTimeout: seconds(300),
    hookTimeout: seconds(900),
    expect: { poll: { timeout: seconds(60) } },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "embedded",
          include: ["test/embedded/**/*.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "docs",
          include: ["test/docs/**/*.test.ts"],
          testTimeout: seconds(600),
        },
      },
      {
        extends: true,
        test: {
          name: "stores",
          include: ["test/stores/**/*.test.ts"],
          globalSetup: "test/endpoints/stores-setup.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          globalSetup: "test/endpoints/chaos-setup.ts",
          // Each file starts processes of its own, several at a time.
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "stack",
          include: ["test/{stack,upgrade}/**/*.test.ts"],
          globalSetup: "test/endpoints/stack-setup.ts",
          // One stack and one emulator serve all files, and tests that kill or starve a worker would disturb the others.
          fileParallelism: false,
        },
      },
    ],
  },
});
