import assert from "node:assert/strict";
import { test } from "node:test";
import { lastMissed } from "../../Sources/WebClient/page/history.js";

/**
 * @param {string} id
 * @param {string} [leftAt]
 * @returns {Wire.Call}
 */
const call = (id, leftAt) => ({
  id,
  status: "CALL_STATUS_MISSED",
  participants: [{ user: { id: "ben" }, leftAt }],
});
/**
 * @param {string} callId
 * @param {boolean} [missed]
 */
const record = (callId, missed) => ({ callId, missed });

test("of a page, the call that was missed last is marked", () => {
  // The group call began first, and was missed last.
  const calls = [call("b", "2026-03-01T10:05:00.000Z"), call("a", "2026-03-01T10:09:00.000Z"), call("c")];
  assert.equal(lastMissed(calls, [record("b", true), record("a", true), record("c", false)], "ben"), "a");
  assert.equal(lastMissed(calls, [record("b", true), record("a"), record("c")], "ben"), "b");
  assert.equal(lastMissed(calls, [], "ben"), undefined);
});
