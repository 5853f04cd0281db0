/** Global setup of the test project `stack`. */
export { provideAccount as default } from "./provided.ts";
