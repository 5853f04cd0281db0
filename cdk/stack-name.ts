export const STACK_NAME_RULE = "a stack name is a letter and then up to 127 letters, digits and hyphens";

export function isStackName(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(value);
}
