import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import type { GiveHeaders } from "../../runtime/client.ts";

export interface SigningOptions {
  /** `execute-api` for an HTTP API, `lambda` for a function URL. */
  readonly service: "execute-api" | "lambda";
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Headers with the signature that `Auth.iam` asks for, as docs/how-to.md makes them. */
export function signing(options: SigningOptions): GiveHeaders {
  const signer = new SignatureV4({ ...options, sha256: Sha256 });
  return async ({ method, url, headers, body }) => {
    const { protocol, hostname, port, pathname, host } = new URL(url);
    const request = new HttpRequest({
      method,
      protocol,
      hostname,
      ...(port !== "" && { port: Number(port) }),
      path: pathname,
      headers: { ...headers, host },
      body,
    });
    return (await signer.sign(request)).headers;
  };
}
