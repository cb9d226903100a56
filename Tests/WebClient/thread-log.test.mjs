import assert from "node:assert/strict";
import { test } from "node:test";
import { ThreadLog } from "../../Sources/WebClient/page/thread-log.js";

/**
 * @param {number} seq
 * @returns {Wire.Message}
 */
const message = (seq, clientMessageId = `m${seq}`) => ({
  id: `i${seq}`,
  conversationId: "c1",
  seq: String(seq),
  clientMessageId,
});
const unsent = (/** @type {string} */ clientMessageId) => ({ clientMessageId, body: "hi", createdAt: "", failed: "" });
const range = (/** @type {number} */ first, /** @type {number} */ last) =>
  Array.from({ length: last - first + 1 }, (_, index) => message(first + index));
const numbers = (/** @type {ThreadLog} */ log) => log.messages.map(({ seq }) => Number(seq));

test("live messages are taken in order, repeats are not taken twice", () => {
  const log = new ThreadLog();
  log.addNewest({ messages: range(1, 3), hasMore: false });
  assert.equal(log.add(message(4)), true);
  assert.equal(log.add(message(4)), true);
  assert.equal(log.add(message(2)), true);
  assert.deepEqual(numbers(log), [1, 2, 3, 4]);
});

test("a gap is noticed, and closed by the newest page", () => {
  const log = new ThreadLog();
  log.addNewest({ messages: range(1, 3), hasMore: false });
  assert.equal(log.add(message(6)), false);
  assert.deepEqual(numbers(log), [1, 2, 3]);
  log.addNewest({ messages: range(2, 6), hasMore: true });
  assert.deepEqual(numbers(log), [1, 2, 3, 4, 5, 6]);
  assert.equal(log.hasMore, false);
});

test("a page that does not join on replaces the log, and the rest is paged in again", () => {
  const log = new ThreadLog();
  log.addNewest({ messages: range(1, 3), hasMore: false });
  log.addNewest({ messages: range(60, 64), hasMore: true });
  assert.deepEqual(numbers(log), [60, 61, 62, 63, 64]);
  assert.equal(log.hasMore, true);
  log.addOlder({ messages: range(58, 60), hasMore: true });
  assert.deepEqual(numbers(log), [58, 59, 60, 61, 62, 63, 64]);
});

test("an old answer does not undo what came live", () => {
  const log = new ThreadLog();
  log.addNewest({ messages: range(1, 5), hasMore: false });
  log.add(message(6));
  log.addNewest({ messages: range(3, 5), hasMore: true });
  assert.deepEqual(numbers(log), [1, 2, 3, 4, 5, 6]);
});

test("a message on its way is let go once it is stored, however that becomes known", () => {
  const log = new ThreadLog();
  log.send(unsent("mine"));
  log.send(unsent("other"));
  log.add(message(1, "mine"));
  assert.deepEqual(log.unsent.map(({ clientMessageId }) => clientMessageId), ["other"]);
  log.addNewest({ messages: [message(1, "mine"), message(2, "other")], hasMore: false });
  assert.deepEqual(log.unsent, []);
});
