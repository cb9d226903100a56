import assert from "node:assert/strict";
import { test } from "node:test";
import { CallTogether, callBackOf, callTitle } from "../../Sources/WebClient/page/call-back.js";
import { Groups } from "../../Sources/WebClient/page/groups.js";
import { describeCall } from "../../Sources/WebClient/page/history.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const user = (id) => ({ id, displayName: id[0].toUpperCase() + id.slice(1) });
const band = { id: "v1", type: "CONVERSATION_TYPE_GROUP", name: "Band" };

function call(mode, ids, more = {}) {
  const participants = ids.map((id) => ({ user: user(id), status: "PARTICIPANT_STATUS_LEFT", joinedAt: "x" }));
  return { id: "c1", conversationId: "v1", mode: `CALL_MODE_${mode}`, initiatorId: ids[0], participants, ...more };
}
const ongoing = { status: "CALL_STATUS_ONGOING" };

test("what a call in the history is called, and whom its button calls", () => {
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

test("a group call that goes on without this person is joined, unless they were taken out for good", () => {
  const goesOn = call("GROUP", ["ann", "ben", "cy"], ongoing);
  assert.deepEqual(callBackOf(goesOn, "ben", band), { join: goesOn });
  goesOn.participants[1].leaveReason = "LEAVE_REASON_KICKED";
  assert.deepEqual(callBackOf(goesOn, "ben", band), { group: band });
});

test("a group call that others answered is missed by who did not", () => {
  const over = { answeredAt: "2026-01-01T00:00:00Z", endedAt: "2026-01-01T00:01:05Z", status: "CALL_STATUS_COMPLETED" };
  const one = call("GROUP", ["ann", "ben", "cy"], over);
  assert.deepEqual(describeCall(one, "ben"), { missed: false, outgoing: false, text: "1:05" });
  delete one.participants[1].joinedAt;
  assert.deepEqual(describeCall(one, "ben"), { missed: true, outgoing: false, text: "Missed" });
  one.participants[1].leaveReason = "LEAVE_REASON_DECLINED";
  assert.deepEqual(describeCall(one, "ben"), { missed: false, outgoing: false, text: "Declined" });
  assert.deepEqual(describeCall(one, "ann"), { missed: false, outgoing: true, text: "1:05" });
});

/** A client that places calls, and the connection that it has placed last. */
function telephone(refusal) {
  const made = { added: [], waited: [], failures: [] };
  const client = {
    placeCall(peer, { video }) {
      made.connection = Object.assign(new EventTarget(), { peer, video, state: "calling", call: null });
      made.connection.controls = {
        async add(ids) {
          made.added.push(ids);
          if (refusal) throw refusal;
        },
      };
      return made.connection;
    },
  };
  made.together = new CallTogether(client, {
    onWaiting: (first, others) => made.waited.push([first.id, ...others.map(({ id }) => id)]),
    onFailure: (error) => made.failures.push(error),
  });
  made.become = async (state, answered) => {
    Object.assign(made.connection, { state, call: { answeredAt: answered ? "now" : undefined } });
    made.connection.dispatchEvent(new Event("state"));
    await turn();
  };
  return made;
}

test("the others are rung once when the first has answered", async () => {
  const { together, become, added, waited, connection, ...made } = telephone();
  assert.equal(connection, undefined);
  together.call(["ann", "cy", "dan"].map(user), true);
  await become("ringing", false);
  assert.deepEqual([added, waited], [[], [["ann", "cy", "dan"]]]);
  await become("connecting", true);
  await become("connected", true);
  assert.deepEqual(added, [["cy", "dan"]]);
  assert.deepEqual(made.failures, []);
});

test("nobody is rung for a call that came to nothing, and calling again means everybody", async () => {
  const made = telephone();
  made.together.call(["ann", "cy"].map(user), false);
  await made.become("ended", false);
  await made.become("ended", true);
  assert.deepEqual(made.added, []);
  const again = (connection, group) => {
    const { people, ...rest } = made.together.whomAgain(connection, "ben", group);
    return people?.map(({ id }) => id) ?? rest;
  };
  assert.deepEqual(again(made.connection, null), ["ann", "cy"]);
  assert.deepEqual(again({ peer: user("dan") }, null), ["dan"]);
  const grown = { isGroup: true, peer: user("ann"), call: call("GROUP", ["ann", "ben", "cy"]) };
  assert.deepEqual(again(grown, null), ["ann", "cy"]);
  assert.deepEqual(again(grown, band), { group: band });
});

test("one person alone is called as ever; a crowd comes in by thirty-two; a refusal is told", async () => {
  const one = telephone();
  one.together.call([user("ann")], false);
  await one.become("connected", true);
  assert.deepEqual([one.added, one.waited], [[], []]);

  const crowd = telephone();
  crowd.together.call(Array.from({ length: 41 }, (_, index) => user(`u${index}`)), false);
  await crowd.become("connected", true);
  assert.deepEqual(crowd.added.map(({ length }) => length), [32, 8]);

  const refused = telephone(new Error("no"));
  refused.together.call(["ann", "cy"].map(user), false);
  await refused.become("connected", true);
  assert.equal(refused.failures.length, 1);
});

test("a group that is not listed is looked up once, and again only where nothing could be learnt", async () => {
  const asked = [];
  const answers = { v2: [band], v3: ["NOT_FOUND"], v4: ["OFFLINE", { type: "CONVERSATION_TYPE_DIRECT" }] };
  const rest = async (method, path) => {
    asked.push(path);
    const answer = answers[path.split("/").at(-1)].shift();
    if (typeof answer === "string") throw Object.assign(new Error(), { code: answer });
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
