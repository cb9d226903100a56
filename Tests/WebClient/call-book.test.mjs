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

/**
 * Somebody who rings.
 * @param {string} id
 * @returns {Wire.CallParticipant}
 */
const ringing = (id) => ({ user: { id }, status: "PARTICIPANT_STATUS_RINGING" });
/**
 * A call with people in it, and one who rings.
 * @returns {Wire.Call}
 */
const talk = () => ({
  ...call(5),
  mode: "CALL_MODE_GROUP",
  ringExpiresAt: "t9",
  locked: true,
  participants: [
    { user: { id: "ann", displayName: "Ann" }, status: "PARTICIPANT_STATUS_CONNECTED", media: { camera: true }, onHold: true },
    ringing("ben"),
  ],
  screenShares: [{ sharerId: "ann" }],
});
/**
 * @param {string | number} revision
 * @param {string | number} baseRevision
 * @param {Partial<Wire.CallChanged>} more
 * @returns {Wire.CallChanged}
 */
const change = (revision, baseRevision, more = {}) => ({
  callId: "c1",
  revision: String(revision),
  baseRevision: String(baseRevision),
  ...more,
});

/** @type {[name: string, more: Partial<Wire.CallChanged>, expected: Partial<Wire.Call>][]} */
const changes = [
  ["nothing but the revision", {}, {}],
  [
    "what only shows of somebody, and what is left out is off",
    { shown: [{ userId: "ann", media: { microphone: true } }] },
    {
      participants: [
        { user: { id: "ann", displayName: "Ann" }, status: "PARTICIPANT_STATUS_CONNECTED", media: { microphone: true } },
        ringing("ben"),
      ],
    },
  ],
  [
    "somebody whole, and somebody new, at the end",
    {
      participants: [ringing("cleo"), { user: { id: "ann" }, status: "PARTICIPANT_STATUS_LEFT" }],
    },
    {
      participants: [
        { user: { id: "ann" }, status: "PARTICIPANT_STATUS_LEFT" },
        ringing("ben"),
        ringing("cleo"),
      ],
    },
  ],
  [
    "what the call itself is",
    { state: { status: "CALL_STATUS_ONGOING", answeredAt: "t1", mode: "CALL_MODE_GROUP" } },
    { answeredAt: "t1", locked: undefined, ringExpiresAt: undefined },
  ],
  ["that no screen is shared", { screenShares: {} }, { screenShares: [] }],
  [
    "who asks to be let in",
    { joinRequests: { users: [{ id: "dan" }] } },
    { joinRequests: [{ id: "dan" }] },
  ],
];
for (const [name, more, expected] of changes) {
  test(`a change names ${name}`, () => {
    const book = new CallBook();
    const before = talk();
    book.put(before);
    const changed = JSON.parse(JSON.stringify({ ...talk(), revision: "6", ...expected }));
    assert.deepEqual(book.change(change(6, 5, more)), { call: changed, isMissed: false });
    assert.deepEqual(book.open.get("c1"), changed);
    // Whoever has the former one keeps it.
    assert.deepEqual(before, talk());
  });
}

test("a change fits the revision that it begins with and those after it; what is known is no news", () => {
  const fits = (/** @type {number} */ base, /** @type {string | number} */ revision) => {
    const book = new CallBook();
    book.put(call(5));
    const { call: changed, isMissed } = book.change(change(revision, base));
    return [changed?.revision, isMissed];
  };
  assert.deepEqual(fits(5, 6), ["6", false]);
  assert.deepEqual(fits(2, 6), ["6", false]);
  assert.deepEqual(fits(5, "9007199254740993"), ["9007199254740993", false]);
  assert.deepEqual(fits(2, 5), [undefined, false]);
  assert.deepEqual(fits(2, 3), [undefined, false]);
  assert.deepEqual(fits(6, 7), [undefined, true]);
});

test("a change of a call that is not known is missed; one of a call that is over is nothing", () => {
  const book = new CallBook();
  assert.equal(book.change(change(6, 5)).isMissed, true);
  book.put(call(5, "CALL_STATUS_COMPLETED"));
  assert.deepEqual(book.change(change(7, 6)), { isMissed: false });
});

test("a change that ends a call takes it from the open ones", () => {
  const book = new CallBook();
  book.put(talk());
  const { call: ended } = book.change(change(6, 5, { state: { status: "CALL_STATUS_COMPLETED", endedAt: "t8" } }));
  assert.equal(ended?.endedAt, "t8");
  assert.equal(book.open.size, 0);
  assert.equal(book.isKnown("c1", 6n), true);
  assert.equal(book.isKnown("c1", 7n), false);
});
