import assert from "node:assert/strict";
import { test } from "node:test";
import { presenceWords } from "../../Sources/WebClient/page/sentences.js";
import {
  callPowers,
  canJoin,
  isPolite,
  lobbyOf,
  mediaPeers,
  powersOver,
  rosterOf,
  waitsInLobby,
} from "../../Sources/WebClient/library/roster.js";

/** @typedef {Partial<Wire.CallParticipant>} Part */

/** @param {number} second */
const at = (second) => `2026-03-01T10:00:${String(second).padStart(2, "0")}Z`;
/**
 * @param {string} id
 * @param {number} second
 * @param {Part} more
 * @returns {Wire.CallParticipant}
 */
const connected = (id, second, more = {}) => ({
  user: { id },
  status: "PARTICIPANT_STATUS_CONNECTED",
  joinedAt: at(second),
  media: { microphone: true },
  role: "PARTICIPANT_ROLE_PARTICIPANT",
  ...more,
});
/** @type {Part} */
const host = { role: "PARTICIPANT_ROLE_HOST" };
/** @type {Part} */
const coHost = { role: "PARTICIPANT_ROLE_CO_HOST" };
/**
 * @param {string} id
 * @param {"HANGUP" | "DECLINED" | "REMOVED" | "KICKED"} leaveReason
 * @param {"LEFT" | "DECLINED"} status
 * @returns {Wire.CallParticipant}
 */
const gone = (id, leaveReason, status = "LEFT") => ({
  user: { id },
  status: `PARTICIPANT_STATUS_${status}`,
  leaveReason: `LEAVE_REASON_${leaveReason}`,
  role: "PARTICIPANT_ROLE_PARTICIPANT",
});
/** @param {string} id @returns {Wire.CallParticipant} */
const ringing = (id) => ({ user: { id }, status: "PARTICIPANT_STATUS_RINGING", role: "PARTICIPANT_ROLE_PARTICIPANT" });
/**
 * @param {Wire.CallParticipant[]} participants
 * @param {Partial<Wire.Call>} more
 * @returns {Wire.Call}
 */
const group = (participants, more = {}) => ({
  id: "c1",
  mode: "CALL_MODE_GROUP",
  status: "CALL_STATUS_ONGOING",
  participants,
  ...more,
});

test("the list: oneself, the others as they came, who is called, who is out", () => {
  const call = group(
    [
      gone("e", "DECLINED", "DECLINED"),
      connected("c", 3, { handRaisedAt: at(9) }),
      ringing("d"),
      // Half a second after 1 s: text would sort it before.
      connected("b", 1, { joinedAt: "2026-03-01T10:00:01.500Z", onHold: true, media: {} }),
      connected("a", 1, host),
      connected("me", 5),
    ],
    { screenShares: [{ sharerId: "c" }] },
  );
  const roster = rosterOf(call, "me");
  assert.deepEqual(roster.map(({ user }) => user.id), ["me", "a", "b", "c", "d", "e"]);
  assert.deepEqual(roster.map(({ presence }) => presence), ["in", "in", "in", "in", "ringing", "out"]);
  const words = ["", "Host", "On hold · Muted", "Hand raised · Sharing the screen", "Calling…", "Declined"];
  assert.deepEqual(roster.map(presenceWords), words);
  assert.deepEqual(rosterOf(null, "me"), []);
});

test("what one may do to the call depends on the role", () => {
  const none = { add: false, lock: false, admit: false, muteAll: false, end: false };
  const all = { add: true, lock: true, admit: true, muteAll: true, end: true };
  /** @type {[name: string, call: Wire.Call | null, expected: typeof none][]} */
  const table = [
    ["a host", group([connected("me", 1, host)]), all],
    ["a co-host", group([connected("me", 1, coHost)]), { ...all, end: false }],
    ["a participant", group([connected("me", 1)]), { ...none, add: true }],
    ["a participant, locked", group([connected("me", 1)], { locked: true }), none],
    ["a host, locked", group([connected("me", 1, host)], { locked: true }), all],
    ["a host who left", group([{ ...gone("me", "HANGUP"), ...host }]), none],
    ["after the end", group([connected("me", 1, host)], { status: "CALL_STATUS_COMPLETED" }), none],
    ["between two", { ...group([connected("me", 1, host)]), mode: "CALL_MODE_DIRECT" }, { ...none, add: true }],
    [
      "between two, not answered",
      { ...group([connected("me", 1)]), mode: "CALL_MODE_DIRECT", status: "CALL_STATUS_INITIATED" },
      none,
    ],
    ["no call", null, none],
  ];
  for (const [name, call, expected] of table) assert.deepEqual(callPowers(call, "me"), expected, name);
});

test("what one may do to another depends on both", () => {
  /**
   * @param {Part} mine
   * @param {Wire.CallParticipant} other
   * @param {Partial<Wire.Call>} [more]
   */
  const over = (mine, other, more) => powersOver(group([connected("me", 1, mine), other], more), "me", other.user.id);
  const loud = connected("x", 2, { media: { microphone: true, camera: true }, handRaisedAt: at(3) });
  const shares = { screenShares: [{ sharerId: "x" }] };
  const media = ["mute", "stopCamera", "stopScreen", "lowerHand"];
  const out = ["remove", "bar"];
  assert.deepEqual(over(host, loud, shares), [...media, "makeHost", "makeCoHost", ...out]);
  assert.deepEqual(over(coHost, loud, shares), [...media, ...out]);
  assert.deepEqual(over({}, loud, shares), []);
  assert.deepEqual(over(coHost, connected("x", 2, host)), []);
  assert.deepEqual(over(host, connected("x", 2, { ...coHost, media: {} })), ["makeHost", "makeParticipant", ...out]);
  assert.deepEqual(over(host, ringing("x")), out);
  assert.deepEqual(over({}, gone("x", "HANGUP")), ["ringAgain"]);
  assert.deepEqual(over({}, gone("x", "KICKED")), []);
  assert.deepEqual(over(coHost, gone("x", "KICKED")), ["ringAgain"]);
  assert.deepEqual(over({}, gone("x", "HANGUP"), { locked: true }), []);
  const call = group([connected("me", 1, host)]);
  assert.deepEqual(powersOver(call, "me", "me"), []);
  assert.deepEqual(powersOver(call, "me", "stranger"), []);
  assert.deepEqual(powersOver({ ...call, mode: "CALL_MODE_DIRECT" }, "me", "x"), []);
});

test("the lobby is for those who can let people in", () => {
  const asked = { locked: true, joinRequests: [{ id: "x" }, { id: "y" }] };
  assert.deepEqual(lobbyOf(group([connected("me", 1, coHost)], asked), "me").map(({ id }) => id), ["x", "y"]);
  assert.deepEqual(lobbyOf(group([connected("me", 1)], asked), "me"), []);
  assert.ok(waitsInLobby(group([], asked), "y"));
  assert.ok(!waitsInLobby(group([], asked), "me"));
  assert.ok(!waitsInLobby({ ...group([], asked), status: "CALL_STATUS_COMPLETED" }, "x"));
  assert.ok(!waitsInLobby(null, "x"));
});

test("who declined or left may join, who was barred may not", () => {
  /** @type {[call: Wire.Call, expected: boolean][]} */
  const table = [
    [group([gone("me", "HANGUP")]), true],
    [group([gone("me", "DECLINED", "DECLINED")]), true],
    [group([gone("me", "REMOVED")]), true],
    [group([gone("me", "KICKED")]), false],
    [group([connected("me", 1)]), false],
    [group([ringing("me")]), false],
    [group([connected("x", 1)]), false],
    [{ ...group([gone("me", "HANGUP")]), mode: "CALL_MODE_DIRECT" }, false],
    [{ ...group([gone("me", "HANGUP")]), status: "CALL_STATUS_COMPLETED" }, false],
  ];
  for (const [call, expected] of table) assert.equal(canJoin(call, "me"), expected, JSON.stringify(call));
});

test("media go to the other side, or among the first four, whoever asks", () => {
  /** @type {Wire.Call} */
  const direct = { ...group([connected("me", 1), ringing("x")]), mode: "CALL_MODE_DIRECT" };
  assert.deepEqual(mediaPeers({ ...direct, status: "CALL_STATUS_INITIATED" }, "me"), ["x"]);
  const people = ["a", "b", "c", "d", "e"].map((id, index) => connected(id, index));
  const call = group([...people].reverse());
  assert.deepEqual(mediaPeers(call, "b"), ["a", "c", "d"]);
  assert.deepEqual(mediaPeers(call, "e"), []);
  // Two at the same moment: the id decides, at everybody alike.
  const together = group(["b", "a", "c", "e", "d"].map((id) => connected(id, 1)));
  assert.deepEqual(mediaPeers(together, "d"), ["a", "b", "c"]);
  assert.deepEqual(mediaPeers(group([connected("me", 1), ringing("x"), gone("y", "HANGUP")]), "me"), []);
  assert.deepEqual(mediaPeers({ ...call, mediaPath: "MEDIA_PATH_FORWARDED" }, "b"), []);
  assert.deepEqual(mediaPeers({ ...call, status: "CALL_STATUS_COMPLETED" }, "b"), []);
});

test("of two one is polite: as the server says, or by the ids", () => {
  /** @type {Wire.Call} */
  const direct = {
    id: "c1",
    status: "CALL_STATUS_ONGOING",
    participants: [{ user: { id: "a" }, polite: true }, { user: { id: "b" } }],
  };
  assert.deepEqual([isPolite(direct, "a", "b"), isPolite(direct, "b", "a")], [true, false]);
  /** @type {Wire.Call} */
  const grown = { ...direct, mode: "CALL_MODE_GROUP" };
  assert.deepEqual([isPolite(grown, "a", "b"), isPolite(grown, "b", "a")], [false, true]);
});
