import { once } from "node:events";
import { createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import type { ApiAddress } from "../endpoints/api-client.ts";

export interface ApiProxy {
  readonly url: string;
  /** How many answers got lost so far. */
  lost(): number;
  stop(): Promise<void>;
}

/**
 * A server in front of an API: it gives requests the API's `Host` header, and can lose answers: the other side has done
 * what was asked, and the connection breaks.
 *
 * @param lose whether the next answer gets lost
 */
export async function startProxy(
  { endpoint, host }: ApiAddress,
  lose: () => boolean = () => false,
): Promise<ApiProxy> {
  const { hostname, port } = new URL(endpoint);
  let lost = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, url: path } = incoming;
    const onward = sendRequest(
      { hostname, port, method, path, headers: { ...incoming.headers, host } },
      (answer) => {
        if (lose()) {
          lost++;
          answer.resume().on("end", () => incoming.socket.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => incoming.socket.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost: () => lost,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
