import { createMemoryStore } from "../../../runtime/adapters/local/memory-store.ts";
import { batchSystem } from "../../acceptance/batch-system.ts";
import { describeStorage } from "../../acceptance/storage-suite.ts";

const system = batchSystem(createMemoryStore());
describeStorage("memory", () => system, { sessions: 1000, atOnce: 1 });
