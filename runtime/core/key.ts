import { utf8Length } from "./actor-id.ts";
import { CodecError, StorageLimitError } from "./errors.ts";

/** Longest storage key, in UTF-8 bytes: a DynamoDB sort key holds 1,024, our prefix included. */
const MAX_KEY_BYTES = 1000;
/** Largest stored value, in UTF-8 bytes of codec text: a DynamoDB item holds 400 KB, keys included. */
const MAX_VALUE_BYTES = 384 * 1024;
/** Keys with this beginning belong to the runtime. */
const RESERVED = "__telnyx_";

/**
 * @throws CodecError not a string, reserved, or not well-formed Unicode
 * @throws StorageLimitError over {@link MAX_KEY_BYTES}
 */
export function checkKey(key: unknown): asserts key is string {
  checkText(key);
  if (key.startsWith(RESERVED)) {
    throw new CodecError(
      `the storage key ${JSON.stringify(key.slice(0, 40))} begins with ${RESERVED}, which is reserved`,
    );
  }
}

/**
 * What holds for keys and for the bounds of a `list`.
 *
 * @throws CodecError not a string, or not well-formed Unicode
 * @throws StorageLimitError over {@link MAX_KEY_BYTES}
 */
export function checkText(key: unknown): asserts key is string {
  if (typeof key !== "string") throw new CodecError(`a storage key must be a string, not ${typeof key}`);
  const bytes = utf8Length(key);
  if (bytes > MAX_KEY_BYTES) {
    throw new StorageLimitError(
      `the storage key ${JSON.stringify(`${key.slice(0, 20)}…`)} has ${bytes} bytes; at most ${MAX_KEY_BYTES} are allowed`,
    );
  }
  if (!key.isWellFormed()) {
    throw new CodecError(
      `the storage key ${JSON.stringify(key.slice(0, 40))} holds half of a surrogate pair`,
    );
  }
}

/**
 * @throws StorageLimitError over {@link MAX_VALUE_BYTES}
 */
export function checkValueSize(key: string, text: string): void {
  const bytes = utf8Length(text);
  if (bytes > MAX_VALUE_BYTES) {
    throw new StorageLimitError(
      `the value for key ${JSON.stringify(key.slice(0, 40))} has ${bytes} bytes encoded; at most ${MAX_VALUE_BYTES} are allowed. Split it over several keys`,
    );
  }
}
