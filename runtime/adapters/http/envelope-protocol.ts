/*
 * How envelopes travel over HTTP: POST of the envelope's text, answered with 200 and the outcome's text, with 202 for a
 * one-way message, or with an error as every front door answers it.
 */
export const ENVELOPES_PATH = "/__actors/envelopes";
export const ENVELOPE_TYPE = "application/vnd.stateful-actors.envelope+json";
export const OUTCOME_TYPE = "application/vnd.stateful-actors.outcome";
/** The sender's clock, in ms since the epoch: the envelope's times are meant by it. */
export const SENT_AT_HEADER = "actors-sent-at";
