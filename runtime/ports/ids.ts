/** Source of unguessable identifiers. */
export interface Ids {
  /** A fresh identifier of letters, digits, `-` and `_`, at most 36 characters. */
  next(): string;
}
