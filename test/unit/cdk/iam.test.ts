import { describe, expect, test } from "vitest";
import { isAllowed, type Statement } from "./iam.ts";

const allow = (more: Partial<Statement> = {}): Statement => ({
  Effect: "Allow",
  Action: "dynamodb:GetItem",
  Resource: "arn:table",
  ...more,
});
const request = { action: "dynamodb:GetItem", resource: "arn:table" };

describe("what IAM would say", () => {
  test("allows what a statement allows, and nothing else", () => {
    expect(isAllowed([allow()], request)).toBe(true);
    expect(isAllowed([], request)).toBe(false);
    expect(isAllowed([allow()], { ...request, action: "dynamodb:PutItem" })).toBe(false);
    expect(isAllowed([allow()], { ...request, resource: "arn:other" })).toBe(false);
    expect(isAllowed([allow({ Action: ["dynamodb:Query", "dynamodb:getitem"] })], request)).toBe(true);
  });

  test("a Deny wins over every Allow", () => {
    expect(isAllowed([allow(), allow({ Effect: "Deny", Action: "dynamodb:*" })], request)).toBe(false);
    expect(isAllowed([allow(), allow({ Effect: "Deny", Resource: "arn:other" })], request)).toBe(true);
  });

  test("a star stands for any text, a question mark for one character, and everything else for itself", () => {
    const may = (Resource: string, resource: string) =>
      isAllowed([allow({ Resource })], { ...request, resource });
    expect(may("arn:group/*", "arn:group/a/b")).toBe(true);
    expect(may("arn:group/*", "arn:groups/a")).toBe(false);
    expect(may("arn:s-??", "arn:s-ab")).toBe(true);
    expect(may("arn:s-??", "arn:s-abc")).toBe(false);
    expect(may("arn:a.b", "arn:axb")).toBe(false);
  });

  test("conditions hold together, each with one of its values", () => {
    const Condition = { StringEquals: { "a:x": ["1", "2"], "a:y": "3" }, ArnLike: { "a:z": "arn:*:z" } };
    const may = (context: Record<string, string>) =>
      isAllowed([allow({ Condition })], { ...request, context });
    expect(may({ "a:x": "2", "a:y": "3", "a:z": "arn:q:z" })).toBe(true);
    expect(may({ "a:x": "2", "a:y": "4", "a:z": "arn:q:z" })).toBe(false);
    expect(may({ "a:x": "2", "a:y": "3", "a:z": "arn:q" })).toBe(false);
    expect(may({ "a:x": "2", "a:z": "arn:q:z" })).toBe(false);
  });

  test("of several values all must fit, or any, as the quantifier says", () => {
    const may = (operator: string, values: string[]) =>
      isAllowed([allow({ Condition: { [operator]: { k: ["a/*", "b"] } } })], {
        ...request,
        context: { k: values },
      });
    expect(may("ForAllValues:StringLike", ["a/1", "b"])).toBe(true);
    expect(may("ForAllValues:StringLike", ["a/1", "c"])).toBe(false);
    expect(may("ForAllValues:StringLike", [])).toBe(true);
    expect(may("ForAnyValue:StringLike", ["c", "b"])).toBe(true);
    expect(may("ForAnyValue:StringLike", [])).toBe(false);
    expect(() => may("StringLike", ["a/1", "b"])).toThrow("ForAllValues");
  });

  test("Null asks whether a key is absent", () => {
    const may = (absent: string, context: Record<string, string>) =>
      isAllowed([allow({ Condition: { Null: { k: absent } } })], { ...request, context });
    expect(may("true", {})).toBe(true);
    expect(may("false", {})).toBe(false);
    expect(may("false", { k: "v" })).toBe(true);
  });

  test("does not judge what it does not know", () => {
    const unknown = allow({ Condition: { NumericLessThan: { k: "1" } } });
    expect(() => isAllowed([unknown], { ...request, context: { k: "0" } })).toThrow("NumericLessThan");
  });
});
