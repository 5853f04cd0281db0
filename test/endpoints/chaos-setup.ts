import { provideAll, provideAws, provideDynamoDBLocal } from "./provided.ts";

/** Global setup of the test project `chaos`. */
export default provideAll(provideDynamoDBLocal, provideAws);
