import { randomBytes } from "node:crypto";
import type { Ids } from "../../ports/ids.ts";

/** 128 random bits in 22 characters: an outcome is filed under its id in the head, so every byte counts. */
export const randomIds: Ids = {
  next: () => randomBytes(16).toString("base64url"),
};
