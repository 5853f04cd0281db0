import { AsyncLocalStorage } from "node:async_hooks";

/** When the request that the running code serves must be answered, in ms since the epoch. */
export const requestDeadline = new AsyncLocalStorage<number>();
