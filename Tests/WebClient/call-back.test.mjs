import assert from "node:assert/strict";
import { test } from "node:test";
import { participantOf } from "../../Sources/WebClient/library/wire.js";
import { Emitter } from "../../Sources/WebClient/library/emitter.js";
import { CallTogether, callBackOf, callTitle } from "../../Sources/WebClient/page/call-back.js";
import { Groups } from "../../Sources/WebClient/page/groups.js";
import { describeCall } from "../../Sources/WebClient/page/history.js";
import { failure, turn } from "./browser.mjs";

/** @param {string} id */
const user = (id) => ({ id, displayName: id[0].toUpperCase() + id.slice(1) });
/** @type {Wire.Conversation} */
const band = { id: "v1", type: "CONVERSATION_TYPE_GROUP", name: "Band" };

/**
 * @param {"DIRECT" | "GROUP"} mode
 * @param {string[]} ids
 * @param {Partial<Wire.Call>} more
 */
function call(mode, ids, more = {}) {
  /** @returns {Wire.CallParticipant} */
  const left = (/** @type {string} */ id) => ({ user: user(id), status: "PARTICIPANT_STATUS_LEFT", joinedAt: "x" });
  const participants = ids.map(left);
  /** @type {Wire.Call} */
  const one = { id: "c1", conversationId: "v1", mode: `CALL_MODE_${mode}`, status: "CALL_STATUS_COMPLETED" };
  return { ...one, initiatorId: ids[0], participants, ...more };
}
/** @type {Partial<Wire.Call>} */
const ongoing = { status: "CALL_STATUS_ONGOING" };

test("what a call in the history is called, and whom its button calls", () => {
  /** @type {[one: Wire.Call, group: Wire.Conversation | null, title: string, whom: object][]} */
  const table = [
    [call("DIRECT", ["ann", "ben"]), null, "Ann", { people: ["ann"] }],
    [call("GROUP", ["ann", "ben", "cy"]), band, "Band", { group: band }],
    [call("GROUP", ["ben", "ann", "cy"]), null, "Ann and Cy", { people: ["ann", "cy"] }],
    [call("GROUP", ["ann", "ben", "cy", "d", "e"]), null, "Ann, Cy and 2 others", { people: ["ann", "cy", "d", "e"] }],
    [call("GROUP", ["ben"]), null, "Group call", { people: [] }],
    // A direct call is one also where a group has the same id by some fault.
    [call("DIRECT", ["ann", "ben"]), band, "Ann", { people: ["ann"] }],
  ];
  for (const [one, group, title, whom] of table) {
    assert.equal(callTitle(one, "ben", group), title);
    const { people, ...rest } = callBackOf(one, "ben", group);
    assert.deepEqual({ ...rest, ...(people && { people: people.map(({ id }) => id) }) }, whom);
  }
});

/** @param {Wire.Call} one */
function own(one) {
  const part = participantOf(one, "ben");
  assert.ok(part);
  return part;
}

test("a group call that goes on without this person is joined, unless they were taken out for good", () => {
  const goesOn = call("GROUP", ["ann", "ben", "cy"], ongoing);
  assert.deepEqual(callBackOf(goesOn, "ben", band), { join: goesOn });
  own(goesOn).leaveReason = "LEAVE_REASON_KICKED";
  assert.deepEqual(callBackOf(goesOn, "ben", band), { group: band });
});

test("a group call that others answered is missed by who did not", () => {
  /** @type {Partial<Wire.Call>} */
  const over = { answeredAt: "2026-01-01T00:00:00Z", endedAt: "2026-01-01T00:01:05Z", status: "CALL_STATUS_COMPLETED" };
  const one = call("GROUP", ["ann", "ben", "cy"], over);
  assert.deepEqual(describeCall(one, "ben"), { missed: false, outgoing: false, text: "1:05" });
  delete own(one).joinedAt;
  assert.deepEqual(describeCall(one, "ben"), { missed: true, outgoing: false, text: "Missed" });
  own(one).leaveReason = "LEAVE_REASON_DECLINED";
  assert.deepEqual(describeCall(one, "ben"), { missed: false, outgoing: false, text: "Declined" });
  assert.deepEqual(describeCall(one, "ann"), { missed: false, outgoing: true, text: "1:05" });
});

/**
 * What of a connection looks after those who are still to be rung.
 * @extends {Emitter<{state: undefined}>}
 */
class Connection extends Emitter {
  /** @type {import("../../Sources/WebClient/library/call-connection.js").CallState} */
  state = "calling";
  /** @type {Wire.Call | null} */
  call = null;
  isGroup = false;
  /** @type {string[][]} */
  added = [];
  /**
   * @param {Wire.User} peer
   * @param {Error | undefined} refusal
   */
  constructor(peer, refusal) {
    super();
    this.peer = peer;
    this.controls = {
      add: async (/** @type {string[]} */ ids) => {
        this.added.push(ids);
        if (refusal) throw refusal;
      },
    };
  }
}

/**
 * A client that places calls, and the connection that it has placed last.
 * @param {Error} [refusal] of whoever is added
 */
function telephone(refusal) {
  let connection = new Connection(user("nobody"), undefined);
  /** @type {string[][]} */
  const waited = [];
  /** @type {unknown[]} */
  const failures = [];
  const client = {
    placeCall(/** @type {Wire.User} */ peer) {
      connection = new Connection(peer, refusal);
      return /** @type {any} as much of one as is needed */ (connection);
    },
  };
  const together = new CallTogether(client, {
    onWaiting: (first, others) => waited.push([first.id, ...others.map(({ id }) => id)]),
    onFailure: (error) => failures.push(error),
  });
  return {
    together,
    waited,
    failures,
    get connection() {
      return connection;
    },
    /**
     * @param {Connection["state"]} state
     * @param {boolean} answered
     */
    async become(state, answered) {
      connection.state = state;
      connection.call = call("DIRECT", ["ben"], { answeredAt: answered ? "now" : undefined });
      connection.emit("state");
      await turn();
    },
  };
}

test("the others are rung once when the first has answered", async () => {
  const made = telephone();
  made.together.call(["ann", "cy", "dan"].map(user), true);
  await made.become("ringing", false);
  assert.deepEqual([made.connection.added, made.waited], [[], [["ann", "cy", "dan"]]]);
  await made.become("connecting", true);
  await made.become("connected", true);
  assert.deepEqual(made.connection.added, [["cy", "dan"]]);
  assert.deepEqual(made.failures, []);
});

test("nobody is rung for a call that came to nothing, and calling again means everybody", async () => {
  const made = telephone();
  made.together.call(["ann", "cy"].map(user), false);
  await made.become("ended", false);
  await made.become("ended", true);
  assert.deepEqual(made.connection.added, []);
  /**
   * @param {Pick<Connection, "isGroup" | "peer" | "call">} connection
   * @param {Wire.Conversation | null} group
   */
  const again = (connection, group) => {
    const { people, ...rest } = made.together.whomAgain(connection, "ben", group);
    return people?.map(({ id }) => id) ?? rest;
  };
  assert.deepEqual(again(made.connection, null), ["ann", "cy"]);
  assert.deepEqual(again({ isGroup: false, peer: user("dan"), call: null }, null), ["dan"]);
  const grown = { isGroup: true, peer: user("ann"), call: call("GROUP", ["ann", "ben", "cy"]) };
  assert.deepEqual(again(grown, null), ["ann", "cy"]);
  assert.deepEqual(again(grown, band), { group: band });
});

test("one person alone is called as ever; a crowd comes in by thirty-two; a refusal is told", async () => {
  const one = telephone();
  one.together.call([user("ann")], false);
  await one.become("connected", true);
  assert.deepEqual([one.connection.added, one.waited], [[], []]);

  const crowd = telephone();
  crowd.together.call(Array.from({ length: 41 }, (_, index) => user(`u${index}`)), false);
  await crowd.become("connected", true);
  assert.deepEqual(crowd.connection.added.map(({ length }) => length), [32, 8]);

  const refused = telephone(new Error("no"));
  refused.together.call(["ann", "cy"].map(user), false);
  await refused.become("connected", true);
  assert.equal(refused.failures.length, 1);
});

test("a group that is not listed is looked up once, and again only where nothing could be learnt", async () => {
  /** @type {string[]} */
  const asked = [];
  /** @type {Record<string, (object | string)[]>} */
  const answers = { v2: [band], v3: ["NOT_FOUND"], v4: ["OFFLINE", { type: "CONVERSATION_TYPE_DIRECT" }] };
  const rest = async (/** @type {string} */ method, /** @type {string} */ path) => {
    asked.push(path);
    const answer = answers[path.replace(/.*\//, "")].shift();
    if (typeof answer === "string") throw failure(answer);
    return answer;
  };
  const groups = new Groups({ rest }, (id) => (id === "v1" ? band : undefined));
  await groups.lookUp(["v1", "v2", "v2", "v3", "v4", undefined]);
  assert.deepEqual(asked, ["/v1/conversations/v2", "/v1/conversations/v3", "/v1/conversations/v4"]);
  await groups.lookUp(["v2", "v3", "v4"]);
  assert.equal(asked.length, 4);
  assert.deepEqual(["v1", "v2", "v3", "v4"].map((id) => groups.get(id)), [band, band, null, null]);
  groups.clear();
  assert.equal(groups.get("v2"), null);
});
