import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Replies } from "../../runtime/ports/replies.ts";

/** What every Replies must do. */
export function describeReplies(name: string, open: () => Replies | Promise<Replies>): void {
  describe(`Replies conformance: ${name}`, () => {
    let opened: Promise<Replies> | undefined;
    const replies = () => {
      opened ??= Promise.resolve(open());
      return opened;
    };
    const soon = () => Date.now() + 10_000;

    test("a reply written before or after the wait began is found", async () => {
      const shared = await replies();
      const [before, after] = [randomUUID(), randomUUID()];
      await shared.write(before, "+[1]");
      expect(await shared.wait(before, soon())).toBe("+[1]");
      const waiting = shared.wait(after, soon());
      await shared.write(after, "+[2]");
      expect(await waiting).toBe("+[2]");
    });

    test("the first reply stands", async () => {
      const shared = await replies();
      const id = randomUUID();
      await shared.write(id, "+[1]");
      await shared.write(id, "+[2]");
      expect((await shared.read([id])).get(id)).toBe("+[1]");
      expect(await shared.wait(id, soon())).toBe("+[1]");
    });

    test("no reply by the deadline is undefined", async () => {
      expect(await (await replies()).wait(randomUUID(), Date.now() + 50)).toBeUndefined();
      expect(await (await replies()).wait(randomUUID(), Date.now() - 1)).toBeUndefined();
    });

    test("read answers what is filed, and only that", async () => {
      const shared = await replies();
      const ids = Array.from({ length: 120 }, () => randomUUID());
      await Promise.all(ids.slice(0, 110).map((id) => shared.write(id, `+["${id}"]`)));
      const filed = await shared.read(ids);
      expect(filed.size).toBe(110);
      for (const id of ids.slice(0, 110)) expect(filed.get(id)).toBe(`+["${id}"]`);
    });

    test("a stashed outcome of any size comes back whole, through its stand-in", async () => {
      const shared = await replies();
      for (const outcome of [`+["${"😀".repeat(200_000)}"]`, `+["${"x".repeat(1_000_000)}"]`, '+["a"]']) {
        const id = randomUUID();
        const standIn = await shared.stash(id, outcome);
        expect((await shared.read([id])).size).toBe(0);
        await shared.write(id, standIn);
        expect((await shared.read([id])).get(id)).toBe(outcome);
        expect(await shared.wait(id, soon())).toBe(outcome);
      }
    });

    test("two attempts stash side by side: the reply filed first keeps its own parts", async () => {
      const shared = await replies();
      const id = randomUUID();
      const first = await shared.stash(id, `+["${"a".repeat(200_000)}"]`);
      const second = await shared.stash(id, `+["${"b".repeat(300_000)}"]`);
      await shared.write(id, first);
      await shared.write(id, second);
      expect(await shared.wait(id, soon())).toBe(`+["${"a".repeat(200_000)}"]`);
    });
  });
}
