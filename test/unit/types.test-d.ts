// Nothing here runs: `npm run verify:types` holds it to be true.

import {
  type ActorContext,
  type ActorNamespace,
  type ActorStub,
  type Env,
  env,
  type Secrets,
  StatefulActor,
} from "stateful-actors";
import { type Duration, startActors } from "stateful-actors/testing";
import { describe, expectTypeOf, test } from "vitest";

class Sample extends StatefulActor {
  label = "a field";
  get total() {
    return 1;
  }
  async add(amount: number, times?: number) {
    return { amount, times };
  }
  now() {
    return new Date();
  }
  nothing() {}
  async _own() {}
  protected half() {}
  override async alarm() {}
  async webSocket() {}
  /** The stub's own `id` is the instance's name. */
  async id() {
    return 5;
  }
}

type Stub = ActorStub<Sample>;

describe("a stub", () => {
  test("has the public methods, each answering with a promise", () => {
    expectTypeOf<Stub["add"]>().toEqualTypeOf<
      (amount: number, times?: number) => Promise<{ amount: number; times: number | undefined }>
    >();
    expectTypeOf<Stub["now"]>().toEqualTypeOf<() => Promise<Date>>();
    expectTypeOf<Stub["nothing"]>().toEqualTypeOf<() => Promise<void>>();
  });

  test("has the instance's name, which can't be set", () => {
    expectTypeOf<Stub["id"]>().toEqualTypeOf<string>();
    expectTypeOf<Pick<Stub, "id">>().toEqualTypeOf<{ readonly id: string }>();
  });

  test("has nothing else of the class", () => {
    expectTypeOf<Stub>().not.toHaveProperty("label");
    expectTypeOf<Stub>().not.toHaveProperty("total");
    expectTypeOf<Stub>().not.toHaveProperty("_own");
    expectTypeOf<Stub>().not.toHaveProperty("half");
    expectTypeOf<Stub>().not.toHaveProperty("alarm");
    expectTypeOf<Stub>().not.toHaveProperty("webSocket");
    expectTypeOf<Stub>().not.toHaveProperty("ctx");
    expectTypeOf<Stub>().not.toHaveProperty("env");
  });

  test("of an actor nobody knows has a name only", () => {
    expectTypeOf<ActorStub<unknown>["id"]>().toEqualTypeOf<string>();
    expectTypeOf<ActorStub<unknown>>().not.toHaveProperty("add");
  });
});

describe("a namespace", () => {
  const samples = {} as ActorNamespace<Sample>;

  test("gives stubs of its actor by name", () => {
    expectTypeOf(samples.idFromName).parameter(0).toEqualTypeOf<string>();
    expectTypeOf(samples.idFromName("a")).toEqualTypeOf<Stub>();
    expectTypeOf(samples.newUniqueId()).toEqualTypeOf<Stub>();
    expectTypeOf(samples.idFromName("a").add(1)).resolves.toHaveProperty("times");
    // @ts-expect-error a name is text
    samples.idFromName(5);
    // @ts-expect-error the argument is a number
    samples.idFromName("a").add("1");
  });

  test("is not that of another actor", () => {
    class Other extends StatefulActor {
      async subtract() {}
    }
    expectTypeOf<ActorNamespace<Other>>().not.toExtend<ActorNamespace<Sample>>();
  });
});

describe("the base class", () => {
  test("gives its subclasses their context and their env, and nobody else", () => {
    class Own extends StatefulActor<{ SAMPLES: ActorNamespace<Sample> }> {
      constructor(context: ActorContext, own: { SAMPLES: ActorNamespace<Sample> }) {
        super(context, own);
        expectTypeOf(this.ctx).toEqualTypeOf<ActorContext>();
        expectTypeOf(this.env.SAMPLES).toEqualTypeOf<ActorNamespace<Sample>>();
      }
    }
    // @ts-expect-error ctx is the actor's own
    (({}) as Own).ctx;
  });

  test("has the project's env unless told otherwise, the one that is exported", () => {
    class Plain extends StatefulActor {
      bindings(): Env {
        return this.env;
      }
    }
    expectTypeOf<Plain["bindings"]>().returns.toEqualTypeOf(env);
  });
});

describe("actors in a test", () => {
  test("are typed by their class", async () => {
    const actors = await startActors({ Sample });
    expectTypeOf(actors.namespace(Sample)).toEqualTypeOf<ActorNamespace<Sample>>();
    expectTypeOf(actors.namespace<Sample>("Sample")).toEqualTypeOf<ActorNamespace<Sample>>();
    // @ts-expect-error no actor
    void startActors({ Date });
  });

  test("take durations with a unit", () => {
    expectTypeOf<"5m">().toExtend<Duration>();
    expectTypeOf<300_000>().toExtend<Duration>();
    expectTypeOf<"5 minutes">().not.toExtend<Duration>();
    expectTypeOf<"5">().not.toExtend<Duration>();
  });
});

describe("env.SECRETS", () => {
  test("gives texts, by the bindings that there are", () => {
    const secrets = {} as Secrets<"STRIPE" | "JWT">;
    expectTypeOf(secrets.get("STRIPE")).toEqualTypeOf<Promise<string>>();
    // @ts-expect-error no such binding
    secrets.get("STRIPPE");
    // Without `actors types` every binding is taken.
    expectTypeOf<Secrets["get"]>().parameter(0).toEqualTypeOf<string>();
  });
});
