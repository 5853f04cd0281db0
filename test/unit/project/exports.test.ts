import { expect, test } from "vitest";
import { BundleError } from "../../../project/bundle.ts";
import { exportedNames } from "../../../project/exports.ts";
import { readProject } from "../../../project/project.ts";
import { ACCOUNT_MANIFEST, projectFolder } from "./project-folder.ts";

const exported = (files: Readonly<Record<string, string>>) =>
  [...exportedNames(readProject(projectFolder({ "actors.toml": ACCOUNT_MANIFEST, ...files })))].toSorted();

test("the names that a module exports are known, wherever their values come from", () => {
  const files = {
    "src/index.ts": `
      import { StatefulActor } from "stateful-actors";
      export class Account extends StatefulActor {}
      export * from "./ledger.ts";
      export { Ledger as Renamed } from "./ledger.ts";
      export * as all from "./ledger.ts";
      export { Actor } from "package";
      export default { fetch: () => new Response("ok") };
    `,
    "src/ledger.ts": `
      import { StatefulActor } from "@telnyx/edge-runtime";
      export class Ledger extends StatefulActor {}
      export default class Hidden {}
    `,
    "node_modules/package/package.json": `{ "name": "package", "type": "module", "main": "index.js" }`,
    "node_modules/package/index.js": `export { StatefulActor as Actor } from "stateful-actors";`,
  };
  expect(exported(files)).toEqual(["Account", "Actor", "Ledger", "Renamed", "all", "default"]);
});

test("types are no exports, and neither is what stays inside", () => {
  const files = {
    "src/index.ts": `
      export type Account = { amount: number };
      export interface Book {}
      export { Ledger } from "./ledger.ts";
      export type { Page } from "./ledger.ts";
      class Internal {}
      console.log(Internal);
    `,
    "src/ledger.ts": "export interface Ledger {}\nexport class Page {}\n",
  };
  expect(exported(files)).toEqual([]);
});

test("nothing of the module runs", () => {
  expect(exported({ "src/index.ts": `export class Account {}\nthrow new Error("it ran");` })).toEqual([
    "Account",
  ]);
});

test("code that can't be bundled is a BundleError with file, line and column", () => {
  const attempt = () => exported({ "src/index.ts": `export * from "./none.ts";` });
  expect(attempt).toThrow(BundleError);
  expect(attempt).toThrow(/^src\/index\.ts:1:15: Could not resolve "\.\/none\.ts"$/);
});
