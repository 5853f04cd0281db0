/**
 * Gives `light` all that `genuine` has and it has not: taken, or called, on the genuine object that stands behind each instance. So
 * instances pass for the platform's own, whatever that comes to have. (Both are prototypes.)
 */
export function delegate<T extends object>(
  light: T,
  { genuine, behind }: { readonly genuine: object; readonly behind: (instance: T) => object },
): void {
  const properties = Object.getOwnPropertyDescriptors(genuine) as Record<string | symbol, PropertyDescriptor>;
  for (const name of Reflect.ownKeys(properties)) {
    const { value, get, enumerable = false } = properties[name] as PropertyDescriptor;
    if (name === "constructor") {
      Object.defineProperty(light, name, { configurable: true, writable: true, value });
    } else if (Object.hasOwn(light, name)) {
      Object.defineProperty(light, name, { enumerable });
    } else if (typeof value === "function") {
      const called = function (this: T, ...args: unknown[]) {
        return Reflect.apply(value, behind(this), args);
      };
      Object.defineProperty(light, name, { configurable: true, enumerable, writable: true, value: called });
    } else if (get) {
      const got = function (this: T) {
        return Reflect.apply(get, behind(this), []);
      };
      Object.defineProperty(light, name, { configurable: true, enumerable, get: got });
    }
  }
  // What is neither is the same for all.
  Object.setPrototypeOf(light, genuine);
}
