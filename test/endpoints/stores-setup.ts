import { provideAll, provideAws, provideDynamoDBLocal, provideLocalStack } from "./provided.ts";

/** Global setup of the test project `stores`. */
export default provideAll(provideDynamoDBLocal, provideAws, provideLocalStack);
