import { expect, test } from "vitest";
import { greeting } from "../../../cli/greeting.ts";
import type { Project } from "../../../project/project.ts";
import { StatefulActor } from "../../../runtime/index.ts";

class Timer extends StatefulActor {
  override async onAlarmDropped() {}
  override async alarm() {}
  override async fetch() {
    return new Response();
  }
  async _inner() {}
  async start() {}
}

test("suggests to call the first method that can be called, not a handler", () => {
  const manifest = { name: "p", actors: [{ binding: "TIMER", type: "Timer" }] };
  const text = greeting({
    project: { manifest, dir: "/p" } as unknown as Project,
    module: { Timer },
    url: "http://localhost:1",
    stateDir: "/p/.state",
    isExample: false,
    inspected: true,
  });
  expect(text).toContain("curl -X POST http://localhost:1/Timer/alice/start ");
});
