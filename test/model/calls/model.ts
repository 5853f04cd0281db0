export { check } from "./protocol.ts";
export { PROTOCOL } from "./rules.ts";
export { BROKEN_VARIANTS, SCENARIOS } from "./scenarios.ts";
