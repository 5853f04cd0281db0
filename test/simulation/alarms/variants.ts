import type { ServeDeps } from "../../../handlers/serve-records.ts";
import type { Head } from "../../../runtime/ports/store.ts";
import { bendingStore, unlessFence, type Variant } from "../variant.ts";
import type { AlarmRules } from "./simulation.ts";

/** Ways to do it wrong that must not go unnoticed: whatever the core asks of its ports, one of them does not give. */
export const BROKEN_ALARMS: readonly Variant<AlarmRules>[] = [
  {
    name: "a wake is armed after its commit",
    rules: () => ({ bendWorker: armAfterCommit }),
  },
  {
    name: "an arming that failed counts as done",
    rules: () => ({ bendWorker: ignoreFailedArming }),
  },
  {
    name: "a wake is lost now and then",
    rules: () => ({ bendWorker: loseEveryFifthWake() }),
  },
  {
    name: "a wake whose commit is still to come is dropped",
    // Its harm takes a thousand seeds: in FIFO order another commit comes before nearly each of them.
    rules: () => ({ watchesWakes: true, wakeReaches: (wake, head) => wake.version <= (head?.version ?? 0) }),
  },
  {
    name: "a commit lands whatever the head's version is",
    rules: () => ({ minds: unlessFence }),
  },
  {
    name: "now and then an old head is read",
    rules: () => ({ bendWorker: hydrateOldHeads() }),
  },
  {
    name: "a worker's clock is ahead",
    rules: () => ({ bendWorker: runAhead }),
  },
  {
    name: "messages of an instance are received while others of it are out",
    rules: () => ({ groupLock: false }),
  },
  {
    name: "messages are deleted before their batch",
    rules: () => ({ deletesFirst: true }),
  },
  {
    name: "the forwarder deletes before it sends",
    rules: () => ({ forwarder: { putsBack: true, deletesFirst: true } }),
  },
  {
    name: "the forwarder drops what is not due",
    rules: () => ({ forwarder: { putsBack: false, deletesFirst: false } }),
  },
];

function armAfterCommit(deps: ServeDeps): ServeDeps {
  const { alarmClock, store } = deps;
  let owed: (() => Promise<void>) | undefined;
  return {
    ...deps,
    alarmClock: {
      arm: async (to, wake) => {
        owed = () => alarmClock.arm(to, wake);
      },
    },
    store: {
      ...store,
      commit: async (commit) => {
        const arm = owed;
        owed = undefined;
        const result = await store.commit(commit);
        if (result.status === "committed") await arm?.();
        return result;
      },
    },
  };
}

function ignoreFailedArming(deps: ServeDeps): ServeDeps {
  const { alarmClock } = deps;
  return { ...deps, alarmClock: { arm: (to, wake) => alarmClock.arm(to, wake).catch(() => {}) } };
}

function runAhead(deps: ServeDeps): ServeDeps {
  const { clock } = deps;
  return { ...deps, clock: { ...clock, now: () => clock.now() + 3_000 } };
}

function loseEveryFifthWake(): AlarmRules["bendWorker"] {
  let armed = 0;
  return (deps) => {
    const { alarmClock } = deps;
    const arm: typeof alarmClock.arm = async (to, wake) => {
      if (++armed % 5 !== 0) await alarmClock.arm(to, wake);
    };
    return { ...deps, alarmClock: { arm } };
  };
}

function hydrateOldHeads(): AlarmRules["bendWorker"] {
  const before = new Map<string, Head | undefined>();
  let read = 0;
  return bendingStore((store) => ({
    hydrate: async (id) => {
      const old = before.get(id.name);
      return ++read % 5 === 0 && old ? old : store.hydrate(id);
    },
    commit: async (commit) => {
      before.set(commit.id.name, await store.hydrate(commit.id));
      return store.commit(commit);
    },
  }));
}
