/**
 * The endpoint cannot be had on this machine: something it needs is missing. The message names what is missing and how to
 * provide it. Anything else that goes wrong (a server that does not come up, a deployment that fails) is a plain Error.
 */
export class EndpointUnavailable extends Error {
  override readonly name = "EndpointUnavailable";
}
