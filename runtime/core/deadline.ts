/** Deadline of a message that nobody waits for, in ms since the epoch. */
export const NO_DEADLINE = Number.MAX_SAFE_INTEGER;
