import assert from "node:assert/strict";
import { test } from "node:test";
import { LatestState } from "../../Sources/WebClient/library/latest-state.js";
import { turn } from "./browser.mjs";

/** @typedef {import("../../Sources/WebClient/library/socket.js").Command} Command */

/** @param {number} number @returns {Command} one that is told from others by its number */
const command = (number) => ({ callHold: { callId: String(number) } });

/** A server that the test answers for: `asked` has one entry for each command. */
function server() {
  /** @type {{sent: Command, answer: () => void, refuse: () => void}[]} */
  const asked = [];
  /** @param {Command} sent */
  const send = (sent) =>
    new Promise((resolve, reject) =>
      asked.push({ sent, answer: () => resolve({}), refuse: () => reject(new Error("no")) }),
    );
  return { asked, state: new LatestState(send) };
}

test("one command is under way at a time, and only the latest follows it", async () => {
  const { asked, state } = server();
  const told = [1, 2, 3].map((number) => state.tell(command(number)));
  assert.deepEqual(asked.map((one) => one.sent), [command(1)]);
  asked[0].answer();
  await turn();
  assert.deepEqual(asked.map((one) => one.sent), [command(1), command(3)]);
  asked[1].answer();
  await Promise.all(told);
  state.tell(command(4));
  assert.deepEqual(asked[2].sent, command(4));
});

test("a refusal is heard of, unless something newer is to be said", async () => {
  const { asked, state } = server();
  const first = state.tell(command(1));
  state.tell(command(2));
  asked[0].refuse();
  await turn();
  assert.deepEqual(asked[1].sent, command(2));
  asked[1].refuse();
  await assert.rejects(first);
  const third = state.tell(command(3));
  asked[2].answer();
  await third;
});

test("what is said right after an answer is said", async () => {
  const { asked, state } = server();
  const first = state.tell(command(1));
  asked[0].answer();
  await first;
  state.tell(command(2));
  assert.deepEqual(asked[1].sent, command(2));
});
