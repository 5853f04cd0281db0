import { randomFillSync } from "node:crypto";
import type { Ids } from "../../ports/ids.ts";

const ID_BYTES = 16;
/** Random bytes are drawn for many ids at once: each drawing costs more than the rest of an id. */
const pool = Buffer.alloc(256 * ID_BYTES);
let used = pool.length;

/** 128 random bits in 22 characters: an outcome is filed under its id in the head, so every byte counts. */
export const randomIds: Ids = {
  next() {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += ID_BYTES;
    return pool.toString("base64url", used - ID_BYTES, used);
  },
};
