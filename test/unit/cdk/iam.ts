/**
 * What IAM would say: emulators let everything through. Knows as much of its language as the product's policies use, and
 * refuses to judge what it does not know.
 */

/** A statement of a deployed policy: no tokens, no intrinsics. */
export interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Conditions;
}

type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** What somebody asks for. */
export interface AccessRequest {
  /** `sqs:SendMessage` */
  readonly action: string;
  /** An ARN, or `*` for actions that know no resource. */
  readonly resource: string;
  /** Values of condition keys, by key; absent: the request does not have it. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

/** Whether a principal with these statements alone may do it: something allows it, and nothing denies it. */
export function isAllowed(statements: readonly Statement[], request: AccessRequest): boolean {
  const applying = statements.filter((statement) => applies(statement, request));
  return applying.length > 0 && applying.every(({ Effect }) => Effect === "Allow");
}

function applies({ Action, Resource, Condition = {} }: Statement, request: AccessRequest): boolean {
  return (
    [Action].flat().some((pattern) => matches(pattern.toLowerCase(), request.action.toLowerCase())) &&
    [Resource].flat().some((pattern) => matches(pattern, request.resource)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, expected]) =>
        holds(operator, { expected: [expected].flat(), actual: request.context?.[key] }),
      ),
    )
  );
}

type Test = (pattern: string, value: string) => boolean;

const TESTS: Readonly<Record<string, Test>> = {
  StringEquals: (expected, value) => expected === value,
  StringLike: matches,
  ArnEquals: matches,
  ArnLike: matches,
  Bool: (expected, value) => expected === value,
};

function holds(
  operator: string,
  { expected, actual }: { expected: readonly string[]; actual: string | readonly string[] | undefined },
): boolean {
  const values = actual === undefined ? [] : [actual].flat();
  if (operator === "Null") return expected.includes(String(actual === undefined));
  const [, quantifier, name = ""] = /^(?:(ForAllValues|ForAnyValue):)?(\w+)$/.exec(operator) ?? [];
  const test = TESTS[name];
  if (test === undefined) throw new Error(`this test does not know the condition operator ${operator}`);
  const isOneOf = (value: string) => expected.some((pattern) => test(pattern, value));
  // As IAM has it: of no values all are right.
  if (quantifier === "ForAllValues") return values.every(isOneOf);
  if (quantifier === undefined && values.length > 1) {
    throw new Error(`${operator} is for keys of one value: add ForAllValues or ForAnyValue`);
  }
  return values.some(isOneOf);
}

/** `*` stands for any text, `?` for one character. */
function matches(pattern: string, value: string): boolean {
  const parts = pattern.split(/([*?])/).map((part) => {
    if (part === "*") return "[^]*";
    return part === "?" ? "[^]" : part.replace(/[$()+.[\\\]^{|}]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`).test(value);
}
