import { App, Aws, Stack } from "aws-cdk-lib";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { describe, expect, test } from "vitest";
import { Auth } from "../../../cdk/auth.ts";
import { ConfigurationError } from "../../../cdk/configuration-error.ts";
import { StatefulActors } from "../../../cdk/stateful-actors.ts";
import { fakeBundle, newFolder, writeProject } from "./synthesis.ts";

/** The most bytes that Lambda takes. */
const MOST = 4096;

interface Given {
  readonly manifest?: string;
  readonly environment?: Record<string, string>;
}

function deploy({ manifest = "", environment = {} }: Given): Stack {
  const stack = new Stack(new App({ outdir: newFolder() }), "bank");
  const props = { project: writeProject({ manifest }), auth: Auth.none(), environment };
  new StatefulActors(stack, "Actors", props, { bundle: fakeBundle });
  return stack;
}

const warnings = (stack: Stack) =>
  Annotations.fromStack(stack).findWarning("*", Match.stringLikeRegexp("The environment of this function"));

describe("the variables of a function", () => {
  test("of a usual project are far from what Lambda takes", () => {
    expect(warnings(deploy({ environment: { SETTINGS: "a".repeat(1500) } }))).toEqual([]);
  });

  test("are refused where they are more than Lambda takes, with the largest of them", () => {
    const attempt = () => deploy({ environment: { SETTINGS: "ä".repeat(MOST / 2) } });
    expect(attempt).toThrow(ConfigurationError);
    expect(attempt).toThrow(
      /^the environment of bank\/Actors\/Worker\/\S+ has \d+ bytes and more: Lambda takes 4096 .*the largest is SETTINGS, with 4104\); take [^\n]*$/,
    );
  });

  test("are refused where they name too many secrets", () => {
    const secret = (n: number) =>
      `[[secrets]]\nbinding = "SECRET_NUMBER_${n}"\nname = "production/payments/number-${n}"\n`;
    const attempt = () => deploy({ manifest: Array.from({ length: 80 }, (_, n) => secret(n)).join("") });
    expect(attempt).toThrow(/the largest is SECRET_IDS, with/);
  });

  test("are warned of where what is known at deployment only may be too much", () => {
    const stack = deploy({ environment: { SETTINGS: `${"a".repeat(MOST - 400)}${Aws.REGION}` } });
    const found = warnings(stack).map(({ id }) => id);
    // The forwarder has none of the project's variables.
    expect(found.map((id) => id.split("/")[3])).toEqual(["Worker", "FrontDoor"]);
  });
});
