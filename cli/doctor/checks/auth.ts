import type { StackDescription } from "../description.ts";
import type { Verdict } from "../finding.ts";

/** Who may call the front door, as the stack says it. */
export function checkAuth({ stack, outputs }: StackDescription): Verdict[] {
  const auth = outputs.get("Auth");
  const about = { check: "front door", of: `stack ${stack}` } as const;
  if (auth === undefined) {
    return [
      {
        severity: "warning",
        ...about,
        found: "it has no output Auth, which says who may call its front door",
        rule: "versions from before that choice let in everybody who knows the URL, also where a later version, rolled back since, did not",
        fix: "deploy it with this version and the auth that it is to have; give a stack of your own the output Auth of cdk/stack.ts",
      },
    ];
  }
  if (auth !== "none") return [];
  return [
    {
      // It was said when the stack was deployed.
      severity: "note",
      ...about,
      found: "its front door lets in everybody who knows the URL (auth none)",
      rule: "without a fetch handler that decides for itself, they may call every method of every instance",
      fix: "deploy it with Auth.iam(), Auth.jwt(…) or Auth.lambda(fn); where its fetch handler decides, nothing is to be done",
    },
  ];
}
