/** Where the values of secrets are kept. */
export interface SecretSource {
  /**
   * The present value of a secret.
   *
   * @param binding how the manifest of the project calls it
   * @throws SecretError it has none, or can't be read
   */
  read(binding: string): Promise<string>;
}
