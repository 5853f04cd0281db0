/**
 * What is there at once or comes later. Where it nearly always is there at once, a promise for it, and the hop of whoever awaits it, would be
 * most of what it costs. What fails is always a promise that is rejected.
 */
export type Eventual<T> = T | Promise<T>;
