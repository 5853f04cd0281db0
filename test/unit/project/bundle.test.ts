import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { BundleError, bundleForEmbedded, bundleForLambda } from "../../../project/bundle.ts";
import { readProject } from "../../../project/project.ts";
import { ACCOUNT_MANIFEST, projectFolder } from "./project-folder.ts";

const repository = join(import.meta.dirname, "../../..");
const runtime = pathToFileURL(join(repository, "runtime/index.ts")).href;

/** A project whose module tells, when it is loaded, what became of its classes. */
function probeProject(from = "stateful-actors"): Record<string, string> {
  return {
    "actors.toml": ACCOUNT_MANIFEST,
    "src/index.ts": `
      import { StatefulActor, type ActorContext } from "${from}";
      import { Account as Other } from "./other.ts";
      import legacy from "legacy";
      const __dirname: string = "mine";
      const require = "mine too";
      export class Account extends StatefulActor { ctxOf(): ActorContext { return this.ctx; } }
      function helper() {}
      console.log(JSON.stringify({
        names: [Account.name, Other.name, helper.name],
        actors: [Account.prototype instanceof StatefulActor, Other.prototype instanceof StatefulActor],
        legacy,
        own: [__dirname, require],
      }));
      export default { fetch: () => new Response("ok") };
    `,
    "src/other.ts": `
      import { StatefulActor } from "${from}";
      export class Account extends StatefulActor {}
    `,
    "node_modules/legacy/package.json": `{ "name": "legacy", "main": "index.js" }`,
    "node_modules/legacy/index.js": `
      /*! @license of a dependency */
      const { sep } = require("path");
      exports.sep = sep;
      exports.dirname = typeof __dirname;
      exports.filename = typeof __filename;
      exports.actor = typeof require("${from}").StatefulActor;
    `,
  };
}

const PROBED = {
  names: ["Account", "Account", "helper"],
  actors: [true, true],
  legacy: { sep: "/", dirname: "string", filename: "string", actor: "function" },
  own: ["mine", "mine too"],
};

// What the stack sets; the handlers look for it when they are loaded.
const LAMBDA_ENV = {
  AWS_REGION: "eu-central-1",
  ACTOR_TABLE: "actors",
  REPLY_TABLE: "replies",
  MAILBOX_URL: "http://127.0.0.1/mailbox.fifo",
  DELAY_URL: "http://127.0.0.1/delayed",
  DEAD_LETTER_URL: "http://127.0.0.1/dead.fifo",
  LEASE_SECONDS: "60",
  REPLY_RETENTION_SECONDS: "600",
  ALARM_BUDGET_SECONDS: "20",
  SCHEDULE_GROUP: "schedules",
  SCHEDULE_ROLE_ARN: "arn:aws:iam::123456789012:role/scheduler",
  DELAY_QUEUE_ARN: "arn:aws:sqs:eu-central-1:123456789012:delayed",
  DELAY_DEAD_LETTER_ARN: "arn:aws:sqs:eu-central-1:123456789012:dead",
};

/** Runs code in a Node process of its own, where nothing but Node loads the bundle. */
function node(code: string): string {
  return execFileSync(
    process.execPath,
    ["--enable-source-maps", "--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", code],
    { encoding: "utf8", env: { PATH: process.env.PATH, ...LAMBDA_ENV } },
  );
}

describe.each(["stateful-actors", "@telnyx/edge-runtime"])(
  "for the embedded server, importing %s",
  (from) => {
    test("the bundle shares the running runtime, and keeps names and CommonJS dependencies working", async () => {
      const dir = projectFolder(probeProject(from));
      const { file, warnings } = await bundleForEmbedded(readProject(dir), join(dir, "out/index.mjs"));
      expect(warnings).toStrictEqual([]);
      const [probed, shared] = node(`
      const { StatefulActor } = await import(${JSON.stringify(runtime)});
      const module = await import(${JSON.stringify(pathToFileURL(file).href)});
      console.log(module.Account.prototype instanceof StatefulActor, Object.keys(module).join());
    `).split("\n");
      expect(JSON.parse(probed ?? "")).toStrictEqual(PROBED);
      expect(shared).toBe("true Account,default");
      expect(readdirSync(join(dir, "out"))).toStrictEqual(["index.mjs"]);
    });
  },
);

test("a stack trace of the embedded bundle shows the user's file and line", async () => {
  const dir = projectFolder({
    "actors.toml": ACCOUNT_MANIFEST,
    "src/index.ts": `interface Unused {\n  x: number;\n}\nthrow new Error("at load");\n`,
  });
  const { file } = await bundleForEmbedded(readProject(dir), join(dir, "out/index.mjs"));
  const stack = node(
    `await import(${JSON.stringify(pathToFileURL(file).href)}).catch((e) => console.log(e.stack));`,
  );
  expect(stack).toContain(`${join(dir, "src/index.ts")}:4:7`);
});

test("the embedded bundle replaces an earlier one", async () => {
  const dir = projectFolder({
    "actors.toml": ACCOUNT_MANIFEST,
    "src/index.ts": `console.log("new")`,
    "out.mjs": "old",
  });
  const { file } = await bundleForEmbedded(readProject(dir), join(dir, "out.mjs"));
  expect(node(`await import(${JSON.stringify(pathToFileURL(file).href)})`)).toBe("new\n");
});

describe.each(["router", "worker"] as const)("for the %s function", (handler) => {
  test("the bundle is one file that loads with nothing around it", () => {
    const dir = projectFolder(probeProject());
    const outDir = join(projectFolder({}), "asset");
    const { file, sourceMapFile, warnings } = bundleForLambda({ project: readProject(dir), handler, outDir });
    expect(warnings).toStrictEqual([]);
    expect(readdirSync(outDir)).toStrictEqual(["index.mjs"]);
    expect(readFileSync(file, "utf8").includes("sourceMappingURL=")).toBe(false);
    expect(sourceMapFile.startsWith(`${outDir}/`)).toBe(false);
    const sources: string[] = JSON.parse(readFileSync(sourceMapFile, "utf8")).sources;
    expect(sources.map((source) => join(sourceMapFile, "..", source))).toContain(join(dir, "src/index.ts"));
    const [probed, type] = node(`
      const module = await import(${JSON.stringify(pathToFileURL(file).href)});
      console.log(typeof module.handler);
    `).split("\n");
    expect(JSON.parse(probed ?? "")).toStrictEqual(PROBED);
    expect(type).toBe("function");
  });

  test("the bundle is small: what a function loads delays its first call", () => {
    const outDir = join(projectFolder({}), "asset");
    const project = readProject(join(repository, "examples/account"));
    const { file } = bundleForLambda({ project, handler, outDir });
    expect(statSync(file).size).toBeLessThan(700_000);
  });

  test("a client takes its credentials from the environment, and looks for none elsewhere", () => {
    const dir = projectFolder({
      "actors.toml": ACCOUNT_MANIFEST,
      "src/index.ts": `
        import { SQSClient } from "@aws-sdk/client-sqs";
        export { Account } from "./account.ts";
        export const credentials = () => new SQSClient({}).config.credentials();
        setTimeout(async () => {
          process.env.AWS_ACCESS_KEY_ID = "key";
          process.env.AWS_SECRET_ACCESS_KEY = "secret";
          process.env.AWS_SESSION_TOKEN = "token";
          console.log(JSON.stringify(await credentials()));
          delete process.env.AWS_ACCESS_KEY_ID;
          await credentials().catch((error) => console.log(error.message));
        });
      `,
      "src/account.ts": `import { StatefulActor } from "stateful-actors"; export class Account extends StatefulActor {}`,
    });
    symlinkSync(join(repository, "node_modules"), join(dir, "node_modules"));
    const { file } = bundleForLambda({ project: readProject(dir), handler, outDir: join(dir, "out") });
    const [given, missing] = node(`await import(${JSON.stringify(pathToFileURL(file).href)})`).split("\n");
    expect(JSON.parse(given ?? "")).toMatchObject({
      accessKeyId: "key",
      secretAccessKey: "secret",
      sessionToken: "token",
    });
    expect(missing).toContain("AWS_ACCESS_KEY_ID is not set");
  });

  test("secrets are read from Secrets Manager when they are asked for, once, and only those for this function's code", () => {
    const mine = handler === "worker" ? "actors" : "fetch";
    const others = handler === "worker" ? "fetch" : "actors";
    const secrets = `
[[secrets]]
binding = "MINE"
name = "prod/mine"
readers = ["${mine}"]
[[secrets]]
binding = "OTHERS"
name = "prod/others"
readers = ["${others}"]
`;
    const dir = projectFolder({
      "actors.toml": `${ACCOUNT_MANIFEST}${secrets}`,
      "src/index.ts": `
        import { createServer } from "node:http";
        import { env, StatefulActor } from "stateful-actors";
        export class Account extends StatefulActor {}
        const asked = [];
        const server = createServer((request, response) => {
          request.on("data", (body) => asked.push([request.headers["x-amz-target"], JSON.parse(String(body))]));
          request.on("end", () => response.end(JSON.stringify({ SecretString: "s3cret" })));
        });
        server.listen(0, "127.0.0.1", async () => {
          process.env.AWS_ENDPOINT_URL = "http://127.0.0.1:" + server.address().port;
          const before = asked.length;
          const values = await Promise.all([env.SECRETS.get("MINE"), env.SECRETS.get("MINE")]);
          const refused = await env.SECRETS.get("OTHERS").catch((error) => error.message);
          console.log(JSON.stringify({ before, values, refused, asked }));
          server.close();
          server.closeAllConnections();
        });
      `,
    });
    const { file } = bundleForLambda({ project: readProject(dir), handler, outDir: join(dir, "out") });
    expect(statSync(file).size).toBeLessThan(700_000);
    const told = node(`
      Object.assign(process.env, {
        AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "key", SECRET_IDS: '{"MINE":"prod/mine"}',
      });
      await import(${JSON.stringify(pathToFileURL(file).href)});
    `);
    expect(JSON.parse(told)).toStrictEqual({
      before: 0,
      values: ["s3cret", "s3cret"],
      refused: expect.stringMatching(
        `^the secret OTHERS is not for (actors|the fetch handler): .*are ${others}; `,
      ),
      asked: [["secretsmanager.GetSecretValue", { SecretId: "prod/mine" }]],
    });
  });

  test("a project without secrets does not carry the client that reads them", () => {
    const outDir = join(projectFolder({}), "asset");
    const project = readProject(join(repository, "examples/account"));
    const { file } = bundleForLambda({ project, handler, outDir });
    expect(readFileSync(file, "utf8")).not.toContain("secretsmanager");
  });

  test("the same sources give the same bytes wherever they lie, without a path of this machine", () => {
    const bundles = ["near", "far/away"].map((place) => {
      const files = Object.entries(probeProject("@telnyx/edge-runtime"));
      const top = projectFolder(Object.fromEntries(files.map(([path, text]) => [`${place}/${path}`, text])));
      const dir = join(top, place);
      const { file } = bundleForLambda({ project: readProject(dir), handler, outDir: join(dir, "asset") });
      const text = readFileSync(file, "utf8");
      // Only the answer is compared: a difference of bundles would fill the screen.
      const leaks = [dir, repository, relative(dir, repository)].filter((path) => text.includes(path));
      expect(leaks).toStrictEqual([]);
      return createHash("sha256").update(text).digest("hex");
    });
    expect(bundles[0]).toBe(bundles[1]);
  });
});

describe("for the forwarder function", () => {
  const bundle = (files: Readonly<Record<string, string>>) => {
    const outDir = join(projectFolder({}), "asset");
    return bundleForLambda({ project: readProject(projectFolder(files)), handler: "forwarder", outDir });
  };

  test("the bundle loads, and is the same for every project: nothing of it is in there", () => {
    const one = bundle(probeProject());
    const { file } = bundle({
      "actors.toml": ACCOUNT_MANIFEST,
      "src/index.ts": `throw new Error("user code");`,
    });
    const texts = [one.file, file].map((each) => readFileSync(each, "utf8"));
    expect(texts[0] === texts[1]).toBe(true);
    expect(texts[0]?.includes("user code")).toBe(false);
    const sources: string[] = JSON.parse(readFileSync(one.sourceMapFile, "utf8")).sources;
    // No framework of the front door, no store.
    const packages = sources.flatMap(
      (source) => /node_modules\/((?:@aws-sdk\/)?[^/]+)/.exec(source)?.[1] ?? [],
    );
    expect(packages).toContain("@aws-sdk/client-sqs");
    expect(packages.filter((name) => /^(hono|devalue|@aws-sdk\/client-dynamodb)$/.test(name))).toEqual([]);
    const type = node(`
      const { handler } = await import(${JSON.stringify(pathToFileURL(file).href)});
      console.log(typeof handler);
    `);
    expect(type).toBe("function\n");
  });

  test("code that can't be bundled does not hinder it", () => {
    const broken = { "actors.toml": ACCOUNT_MANIFEST, "src/index.ts": "not code" };
    expect(bundle(broken).warnings).toEqual([]);
  });
});

describe("code that can't be bundled", () => {
  const broken = {
    "actors.toml": ACCOUNT_MANIFEST,
    "src/index.ts": `import "./helper.ts";\nimport "no-such-package";\n`,
    "src/helper.ts": `export const x = 1;\n  export const = 2;\n`,
  };

  test("is a BundleError with file, line, column and message of each mistake", async () => {
    const dir = projectFolder(broken);
    const project = readProject(dir);
    const messages = [
      `src/helper.ts:2:16: Expected identifier but found "="`,
      `src/index.ts:2:8: Could not resolve "no-such-package"`,
    ].join("\n");
    await expect(bundleForEmbedded(project, join(dir, "out/index.mjs"))).rejects.toThrow(
      expect.objectContaining({ constructor: BundleError, message: messages }),
    );
    const lambda = () => bundleForLambda({ project, handler: "worker", outDir: join(dir, "out") });
    expect(lambda).toThrow(expect.objectContaining({ constructor: BundleError, message: messages }));
    expect(existsSync(join(dir, "out"))).toBe(false);
  });

  test("names an import of this package that it does not have", async () => {
    const dir = projectFolder({
      "actors.toml": ACCOUNT_MANIFEST,
      "src/index.ts": `import { Agent } from "stateful-actors/agent";\nconsole.log(Agent);`,
    });
    await expect(bundleForEmbedded(readProject(dir), join(dir, "out.mjs"))).rejects.toThrow(
      `src/index.ts:1:23: Could not resolve "stateful-actors/agent"`,
    );
  });
});

test("esbuild's warnings come with file, line and column", async () => {
  const dir = projectFolder({
    "actors.toml": ACCOUNT_MANIFEST,
    "src/index.ts": `export const never = (x: unknown) => typeof x === "nmber";`,
  });
  const project = readProject(dir);
  const warning = expect.stringMatching(
    /^src\/index\.ts:1:51: The "typeof" operator will never evaluate to "nmber"/,
  );
  expect((await bundleForEmbedded(project, join(dir, "out.mjs"))).warnings).toStrictEqual([warning]);
  expect(bundleForLambda({ project, handler: "router", outDir: join(dir, "out") }).warnings).toStrictEqual([
    warning,
  ]);
});
