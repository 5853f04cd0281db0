import { type ActorNamespace, StatefulActor } from "stateful-actors";

/** What became of a call that a clerk made: codec values. */
export type Report =
  | { readonly result: unknown }
  | {
      readonly error: {
        readonly name: string;
        readonly message: string;
        readonly effect: string | undefined;
        readonly cause:
          | { readonly name: string; readonly message: string; readonly stack: string }
          | undefined;
      };
    };

export interface Errand {
  readonly type: string;
  readonly name: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly options: {
    readonly idempotencyKey?: string;
    readonly envelopeId?: string;
    readonly delayMs?: number;
  };
}

export interface Letter {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | undefined;
}

type AnyMethods = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** Makes the calls that it is told to make, from inside a turn. */
export class Clerk extends StatefulActor<Record<string, ActorNamespace>> {
  async call(errand: Errand): Promise<Report> {
    return report(async () => {
      const methods = this._stub(errand) as unknown as AnyMethods;
      return methods[errand.method]?.(...errand.args);
    });
  }
  async send(errand: Errand): Promise<Report> {
    return report(async () => {
      const methods = this._stub(errand).send as unknown as AnyMethods;
      return methods[errand.method]?.(...errand.args);
    });
  }
  async request(errand: Omit<Errand, "method" | "args">, letter: Letter): Promise<Report> {
    return report(async () => {
      const { url, method, headers, body } = letter;
      const response = await this._stub(errand).fetch(url, {
        method,
        headers: headers.map(([name, text]): [string, string] => [name, text]),
        ...(body && { body: new Uint8Array(body) }),
      });
      return {
        status: response.status,
        headers: [...response.headers],
        body: response.body && new Uint8Array(await response.arrayBuffer()),
      };
    });
  }

  _stub({ type, name, options }: Omit<Errand, "method" | "args">) {
    const namespace = this.env[type.toUpperCase()];
    if (!namespace) throw new Error(`no binding of the type ${type} here`);
    return namespace.idFromName(name).with(options);
  }
}

async function report(make: () => Promise<unknown>): Promise<Report> {
  try {
    return { result: await make() };
  } catch (thrown) {
    const { name, message, effect, cause } = thrown as Error & { effect?: string; cause?: Error };
    return {
      error: {
        name,
        message,
        effect,
        cause: cause && { name: cause.name, message: cause.message, stack: cause.stack ?? "" },
      },
    };
  }
}
