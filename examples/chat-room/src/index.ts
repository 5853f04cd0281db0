import { StatefulActor } from "stateful-actors";

export interface Message {
  readonly number: number;
  readonly from: string;
  readonly text: string;
  readonly at: Date;
}

/** A room keeps this many messages. */
const KEPT = 1_000;
/** Messages on a page of the history. */
const PAGE = 50;

/** Numbers of equal length sort like their keys. */
const keyOf = (number: number) => `message/${String(number).padStart(12, "0")}`;

/** The state of one chat room: who is in it, and what was said last. Everybody sees the same messages in the same order. */
export class ChatRoom extends StatefulActor {
  async join(user: string): Promise<string[]> {
    await this.ctx.storage.put(`member/${user}`, new Date());
    return this.members();
  }

  async leave(user: string): Promise<boolean> {
    return this.ctx.storage.delete(`member/${user}`);
  }

  async members(): Promise<string[]> {
    const members = await this.ctx.storage.list({ prefix: "member/", limit: 1_000 });
    return [...members.keys()].map((key) => key.slice("member/".length));
  }

  /** Answers the message's number. */
  async say(from: string, text: string): Promise<number> {
    const { storage } = this.ctx;
    if ((await storage.get(`member/${from}`)) === undefined) {
      throw new Error(`${from} is not in this room; join it first`);
    }
    const number = ((await storage.get<number>("last")) ?? 0) + 1;
    await storage.put("last", number);
    await storage.put<Message>(keyOf(number), { number, from, text, at: new Date() });
    if (number > KEPT) await storage.delete(keyOf(number - KEPT));
    return number;
  }

  /** The newest messages, in order; with `before` those in front of that number. */
  async history(before?: number): Promise<Message[]> {
    const end = before === undefined ? {} : { end: keyOf(before) };
    const page = await this.ctx.storage.list<Message>({
      prefix: "message/",
      ...end,
      reverse: true,
      limit: PAGE,
    });
    return [...page.values()].reverse();
  }
}
