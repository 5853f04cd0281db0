/**
 * When to look for a reply, in ms after the last look: first after the time a warm call needs, then with growing
 * gaps, so that a quick call is answered quickly and a slow one costs few reads.
 */
export function* replyWaits(): Generator<number, never> {
  let wait = 20;
  for (;;) {
    yield Math.round(wait);
    wait = Math.min(wait * 1.5, 400);
  }
}
