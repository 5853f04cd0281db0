#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Most of a start is the compiling of the same files again. For what is loaded from here on.
enableCompileCache();
const { run } = await import("./run.ts");
await run(process.argv.slice(2));
