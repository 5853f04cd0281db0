/** Where a test reaches an endpoint; `sdkOptions(url)` makes the options of an SDK client from it. Plain data. */
export interface Endpoint {
  readonly url: string;
}

/** An endpoint with the services that a stack needs, or most of them. */
export interface AwsEndpoint extends Endpoint {
  /** Whether it has HTTP APIs. Without them a project is deployed behind the function URL of its router. */
  readonly httpApis: boolean;
  /** Whether its Scheduler does what it is told. */
  readonly firesSchedules: boolean;
}
