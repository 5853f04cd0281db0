/** What a template leaves open until it is deployed, as `Ref`, `Fn::GetAtt` (with a dot) and `Fn::ImportValue` name it. */
export type Known = Readonly<Record<string, string>>;

/** The text that a value of a template becomes at deployment; what is not `known` stands in angle brackets. */
export function deployed(value: unknown, known: Known = {}): string {
  if (typeof value === "string") return value;
  const [[fn, argument] = ["", undefined]] = Object.entries(value as Record<string, unknown>);
  const name = (text: string) => known[text] ?? `<${text}>`;
  if (fn === "Ref") return name(String(argument));
  if (fn === "Fn::GetAtt") return name((argument as string[]).join("."));
  if (fn === "Fn::ImportValue") return name(deployed(argument, known));
  if (fn === "Fn::Join") {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map((part) => deployed(part, known)).join(separator);
  }
  if (fn === "Fn::Select") {
    const [index, { "Fn::Split": split }] = argument as [number, { "Fn::Split": [string, unknown] }];
    return deployed(split[1], known).split(split[0])[index] ?? "<nothing>";
  }
  throw new Error(`this test does not know ${JSON.stringify(value)}`);
}
