import type { SendRequest } from "../endpoints/api-client.ts";
import { insisting } from "./asking-again.ts";
import type { StorageSystem } from "./storage-suite.ts";

/** The storage semantics through a front door. */
export function httpStorage(system: () => { request: SendRequest }): () => StorageSystem {
  return () => ({
    async call(type, instance, method, args) {
      const request = insisting(system().request);
      const answer = await request("POST", `/${type}/${instance}/${method}`, JSON.stringify(args));
      if (answer.status === 200) return { results: answer.json() };
      const { error } = answer.json() as { error: { name: string; message: string } };
      return { error: `${error.name}: ${error.message}` };
    },
  });
}
