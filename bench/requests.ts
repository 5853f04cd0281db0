// What calls ask AWS for: `npm run bench:requests`. Counted on the real adapters against DynamoDB Local and queues of an
// AWS-compatible endpoint. Counts are exact; it ends with 1 when one exceeds its budget.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleForEmbedded } from "../project/bundle.ts";
import { readProject } from "../project/project.ts";
import { awsEndpoint, noRealAccount } from "../test/endpoints/aws.ts";
import { startDynamoDBLocal } from "../test/endpoints/dynamodb-local.ts";
import { exceeded } from "./requests/budgets.ts";
import { countRequests, type Workload } from "./requests/counts.ts";

const CHECKOUT = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "bench-requests-"));
const [aws, dynamo] = await Promise.all([
  awsEndpoint({ log: join(folder, "aws.log") }),
  startDynamoDBLocal({ log: join(folder, "dynamodb-local.log") }),
]);
Object.assign(process.env, noRealAccount);
try {
  const counts = await countRequests({
    dynamoUrl: dynamo.url,
    sqsUrl: aws.url,
    module: { ...(await bundled("examples/account")), ...(await bundled("test/projects/probe")) },
    setVariable: (name, value) => {
      process.env[name] = value;
    },
  });
  console.table(counts);
  const over = Object.entries(counts).flatMap(([name, each]) => exceeded(name as Workload, each));
  for (const line of over) console.error(`over budget: ${line}`);
  process.exitCode = over.length > 0 ? 1 : 0;
} finally {
  await Promise.all([aws.stop(), dynamo.stop()]);
  rmSync(folder, { recursive: true, force: true });
}

async function bundled(project: string): Promise<Readonly<Record<string, unknown>>> {
  const { file } = await bundleForEmbedded(
    readProject(join(CHECKOUT, project)),
    join(folder, `${project.replaceAll("/", "-")}.mjs`),
  );
  return import(pathToFileURL(file).href);
}
