/** A choice of `Auth` as a command line says it. */
export type AuthChoice =
  | { readonly kind: "iam" | "none" }
  | { readonly kind: "jwt"; readonly issuer: string; readonly audience: readonly string[] };

export const AUTH_CHOICES =
  "give iam (signed requests of AWS roles and users), jwt:<issuer>,<audience> (bearers of a token), or none (anyone who knows the URL)";

/** The choice in a text such as `jwt:https://issuer.example,my-app`; undefined for what is none. */
export function authChoice(text: string): AuthChoice | undefined {
  if (text === "iam" || text === "none") return { kind: text };
  if (!text.startsWith("jwt:")) return undefined;
  const [issuer = "", ...audience] = text.slice("jwt:".length).split(",");
  const isWhole = [issuer, ...audience].every((each) => /^\S+$/.test(each));
  return isWhole && audience.length > 0 ? { kind: "jwt", issuer, audience } : undefined;
}
