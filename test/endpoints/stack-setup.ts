import { provideAccount, provideAll, provideLocalStack } from "./provided.ts";

/** Global setup of the test project `stack`. */
export default provideAll(provideAccount, provideLocalStack);
