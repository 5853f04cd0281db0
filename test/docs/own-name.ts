// Lets a page's test import this package by its name, as a project that has installed it does: `node --import` this file.

import { registerHooks } from "node:module";

const sources: Readonly<Record<string, string>> = {
  "stateful-actors": "runtime/index.ts",
  "stateful-actors/client": "runtime/client.ts",
  "stateful-actors/testing": "handlers/testing.ts",
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const source = sources[specifier];
    return nextResolve(
      source === undefined ? specifier : new URL(`../../${source}`, import.meta.url).href,
      context,
    );
  },
});
