import { expect, test } from "vitest";
import { Cart, Stock } from "../../../examples/shopping-cart/src/index.ts";
import { start } from "../testing/start.ts";

async function shop() {
  const actors = await start({ Cart, Stock });
  const stock = (article: string) => actors.namespace(Stock).idFromName(article);
  await stock("apple").fill(5);
  return { actors, stock, cart: (name: string) => actors.namespace(Cart).idFromName(name) };
}

test("carts that want the last articles at once never hold more than there are", async () => {
  const { cart, stock } = await shop();
  const wanted = Array.from({ length: 8 }, (_, n) => cart(`c${n}`).add("apple"));
  expect((await Promise.all(wanted)).filter(Boolean)).toHaveLength(5);
  expect(await stock("apple").count()).toBe(0);
});

test("what leaves a cart is back in the stock; what is checked out is sold", async () => {
  const { actors, cart, stock } = await shop();
  const mine = cart("mine");
  expect([await mine.add("apple", 2), await mine.add("apple"), await mine.add("pear")]).toEqual([
    true,
    true,
    false,
  ]);
  expect(await mine.items()).toEqual({ apple: 3 });
  await mine.remove("apple");
  await actors.advance(0);
  expect(await stock("apple").count()).toBe(5);
  await mine.add("apple", 4);
  expect(await mine.checkout()).toEqual({ apple: 4 });
  await actors.advance("1h");
  expect(await stock("apple").count()).toBe(1);
  await expect(mine.checkout()).rejects.toThrow("the cart is empty: add something first");
  expect(await mine.add("apple")).toBe(true);
  expect(await stock("apple").count()).toBe(0);
});

test("an abandoned cart gives back what it holds half an hour after it was last filled", async () => {
  const { actors, cart, stock } = await shop();
  await cart("mine").add("apple", 2);
  await actors.advance("29m");
  await cart("mine").add("apple");
  await actors.advance("29m");
  expect(await stock("apple").count()).toBe(2);
  await actors.advance("1m");
  expect([await stock("apple").count(), await cart("mine").items()]).toEqual([5, {}]);
});
