import assert from "node:assert/strict";
import { test } from "node:test";
import { CallBook } from "../../Sources/WebClient/library/call-book.js";

/**
 * @param {string | number} revision
 * @param {Wire.CallStatus} status
 * @param {string} id
 * @returns {Wire.Call}
 */
const call = (revision, status = "CALL_STATUS_ONGOING", id = "c1") => ({ id, revision: String(revision), status });

test("a newer revision replaces an older one, never the other way round", () => {
  const book = new CallBook();
  assert.equal(book.put(call(2)).changed, true);
  assert.equal(book.put(call(1)).changed, false);
  assert.equal(book.put(call(2)).changed, false);
  assert.equal(book.open.get("c1")?.revision, "2");
  assert.equal(book.put(call(10)).changed, true);
  assert.equal(book.open.get("c1")?.revision, "10");
});

test("revisions are compared as 64-bit numbers, not as text or as floating point", () => {
  const book = new CallBook();
  book.put(call("9007199254740993"));
  assert.equal(book.put(call("9007199254740992")).changed, false);
  assert.equal(book.put(call("9007199254740994")).changed, true);
});

test("an ended call leaves the open ones and does not come back by a late event", () => {
  const book = new CallBook();
  book.put(call(3));
  assert.equal(book.put(call(5, "CALL_STATUS_COMPLETED")).changed, true);
  assert.equal(book.open.size, 0);
  assert.equal(book.put(call(4)).changed, false);
  assert.equal(book.put(call(6)).changed, false);
  assert.equal(book.open.size, 0);
});

test("a snapshot replaces everything and names what is gone", () => {
  const book = new CallBook();
  book.put(call(7, "CALL_STATUS_ONGOING", "old"));
  book.put(call(7, "CALL_STATUS_ONGOING", "kept"));
  const { gone, present } = book.replaceAll([
    call(3, "CALL_STATUS_ONGOING", "kept"),
    call(1, "CALL_STATUS_INITIATED", "new"),
    call(9, "CALL_STATUS_MISSED", "over"),
  ]);
  assert.deepEqual(gone.map(({ id }) => id), ["old"]);
  assert.deepEqual(present.map(({ id }) => id), ["kept", "new"]);
  assert.equal(book.open.get("kept")?.revision, "3");
});

test("the memory of ended calls is bounded", () => {
  const book = new CallBook();
  for (let index = 0; index < 1_000; index += 1) book.put(call(1, "CALL_STATUS_MISSED", `c${index}`));
  assert.ok(book.ended.size <= 64);
});
