import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A connection to a server on this machine that carries one request at a time, and does little else: the load must cost less than what it loads. */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #host: string;
  #received = "";
  #closed: Error | undefined;
  #waiting: { resolve(answer: Answer): void; reject(reason: Error): void } | undefined;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the connection was closed")));
  }

  static open(port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new HttpConnection(socket, `127.0.0.1:${port}`)));
    });
  }

  /** @throws Error the connection ended before the answer: the request may have been served */
  send(method: "GET" | "POST", path: string, body = ""): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#waiting = { resolve, reject };
      const head = body && `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
      this.#socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${head}\r\n${body}`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    const answer = parse(this.#received);
    if (!answer) return;
    this.#received = "";
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #end(reason: Error): void {
    this.#closed ??= reason;
    this.#waiting?.reject(this.#closed);
    this.#waiting = undefined;
  }
}

/** The answer in `text`, once it is all there. */
function parse(text: string): Answer | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd);
  const status = Number(head.slice(9, 12));
  const rest = text.slice(headEnd + 4);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined)
    return rest.length < Number(length) ? undefined : { status, body: rest.slice(0, Number(length)) };
  if (/\r\ntransfer-encoding: *chunked/i.test(head))
    return rest.endsWith("0\r\n\r\n") ? { status, body: unchunk(rest) } : undefined;
  return { status, body: "" };
}

function unchunk(text: string): string {
  let body = "";
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, lineEnd), 16);
    if (!(length > 0)) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
}
