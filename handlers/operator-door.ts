import { randomBytes, timingSafeEqual } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { checkName } from "../runtime/core/actor-id.ts";
import { decodeEnvelope } from "../runtime/core/envelope.ts";
import { messageOf } from "../runtime/core/errors.ts";
import type { Overwrite } from "../runtime/core/overwrite.ts";
import type { ActorId, Envelope } from "../runtime/ports/mailbox.ts";
import type { CommitResult } from "../runtime/ports/store.ts";
import { refusal } from "./http-error.ts";
import { tokenFile } from "./operator-token.ts";

export const OPERATOR_PATH = "/__actors/operator";

/** What an operator may do to the state of a server: the same through its door, and without it while it does not run. */
export interface Operator {
  overwrite(id: ActorId, overwrite: Overwrite): Promise<CommitResult>;
  /** Resolves once the envelope is durable in the mailbox of its instance. */
  send(envelope: Envelope): Promise<void>;
  /** Removes a dead letter by its attempt. */
  removeDeadLetter(attempt: string): Promise<void>;
}

/** What the door is asked for, as JSON. */
export type OperatorRequest =
  | {
      readonly do: "overwrite";
      readonly type: string;
      readonly name: string;
      readonly expected: number;
      readonly values: readonly (readonly [key: string, text: string])[];
      readonly alarm: number | null;
    }
  | { readonly do: "send"; readonly envelope: string }
  | { readonly do: "removeDeadLetter"; readonly attempt: string };

/** Where a request comes from. */
interface Origin {
  readonly address: string | undefined;
}

export interface OperatorDoor {
  /** Whether a request comes from a program on this machine that may read the state. */
  knows(request: Request, from: Origin): boolean;
  /** The answer to a request for this door; `undefined` for all others. */
  answer(
    request: Request,
    from: Origin & { readonly path: string | undefined },
  ): Promise<Response> | undefined;
  /** Nothing opens it any more. */
  close(): void;
}

/** A door for the operator of a server on this machine: for programs that run here and may read its state folder. */
export function openOperatorDoor(stateFile: string, operator: Operator): OperatorDoor {
  const file = tokenFile(stateFile);
  const token = randomBytes(24).toString("base64url");
  // Another server's would keep its rights.
  rmSync(file, { force: true });
  writeFileSync(file, token, { mode: 0o600 });
  const wanted = Buffer.from(`Bearer ${token}`);
  const isOpened = (request: Request) => {
    const given = Buffer.from(request.headers.get("authorization") ?? "");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  };
  const knows = (request: Request, { address }: Origin) =>
    address !== undefined && /^(127\.|::1$|::ffff:127\.)/.test(address) && isOpened(request);
  return {
    knows,
    answer(request, { path, address }) {
      if (path !== OPERATOR_PATH) return undefined;
      // As if there were nothing: it is for nobody else.
      if (request.method !== "POST" || !knows(request, { address }))
        return Promise.resolve(refusal(404, "NotFoundError", "there is nothing here"));
      return act(request, operator);
    },
    close: () => rmSync(file, { force: true }),
  };
}

async function act(request: Request, operator: Operator): Promise<Response> {
  try {
    const asked = (await request.json()) as OperatorRequest;
    switch (asked.do) {
      case "overwrite": {
        const { type, name, expected, values, alarm } = asked;
        checkName(name);
        const put = { expected, values: new Map(values), alarm: alarm ?? undefined };
        return Response.json(await operator.overwrite({ type, name }, put));
      }
      case "send":
        await operator.send(decodeEnvelope(asked.envelope));
        return Response.json({ status: "sent" });
      case "removeDeadLetter":
        await operator.removeDeadLetter(asked.attempt);
        return Response.json({ status: "removed" });
      default:
        return refusal(400, "BadRequestError", "the operator's door knows nothing of this kind");
    }
  } catch (error) {
    return refusal(500, "InternalError", messageOf(error));
  }
}
