import { expect, test } from "vitest";
import { nearName } from "../../../runtime/core/near-name.ts";

test.each([
  ["account", ["Account"], "Account"],
  ["ACCOUNT", ["Ledger", "Account"], "Account"],
  // A letter too few, too many, wrong, and two swapped.
  ["Acount", ["Account"], "Account"],
  ["Acccount", ["Account"], "Account"],
  ["Akcount", ["Account"], "Account"],
  ["Acocunt", ["Account"], "Account"],
  // Two letters, not three.
  ["Akkount", ["Account"], "Account"],
  ["Akkounts", ["Account"], undefined],
  ["Accounts", ["Counts", "Account"], "Account"],
  ["Account", ["Acounts", "Acount"], "Acount"],
  ["Account", ["Ledger", "Book"], undefined],
  ["Account", [], undefined],
  // Of a short name one or two letters are most of it.
  ["A", ["B"], undefined],
  ["A", ["a"], "a"],
  ["Cat", ["Car", "Dog"], "Car"],
  ["Cat", ["Dot"], undefined],
])("%s among %j is %s", (name, candidates, expected) => {
  expect(nearName(name, candidates)).toBe(expected);
});
