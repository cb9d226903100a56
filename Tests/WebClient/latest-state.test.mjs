import assert from "node:assert/strict";
import { test } from "node:test";
import { LatestState } from "../../Sources/WebClient/library/latest-state.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A server that the test answers for: `asked` has one entry for each command. */
function server() {
  const asked = [];
  const send = (command) =>
    new Promise((resolve, reject) => asked.push({ command, answer: resolve, refuse: () => reject(new Error("no")) }));
  return { asked, state: new LatestState(send) };
}

test("one command is under way at a time, and only the latest follows it", async () => {
  const { asked, state } = server();
  const told = [1, 2, 3].map((command) => state.tell(command));
  assert.deepEqual(asked.map(({ command }) => command), [1]);
  asked[0].answer();
  await turn();
  assert.deepEqual(asked.map(({ command }) => command), [1, 3]);
  asked[1].answer();
  await Promise.all(told);
  state.tell(4);
  assert.equal(asked[2].command, 4);
});

test("a refusal is heard of, unless something newer is to be said", async () => {
  const { asked, state } = server();
  const first = state.tell(1);
  state.tell(2);
  asked[0].refuse();
  await turn();
  assert.equal(asked[1].command, 2);
  asked[1].refuse();
  await assert.rejects(first);
  const third = state.tell(3);
  asked[2].answer();
  await third;
});

test("what is said right after an answer is said", async () => {
  const { asked, state } = server();
  const first = state.tell(1);
  asked[0].answer();
  await first;
  state.tell(2);
  assert.equal(asked[1].command, 2);
});
