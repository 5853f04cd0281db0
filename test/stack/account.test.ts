import { inject } from "vitest";
import { describeAccount } from "../acceptance/account-suite.ts";
import { describeLostAnswers } from "../acceptance/lost-answers-suite.ts";
import { apiClient } from "../endpoints/api-client.ts";
import { describeWith } from "../endpoints/gate.ts";

describeWith(inject("account"), "examples/account, deployed", (account) => {
  const request = apiClient(account);
  describeAccount("deployed", () => ({ request }));
  // Emulators serve ten messages a second or so, one batch at a time.
  describeLostAnswers("deployed", () => account, { atOnce: 20 });
});
