import assert from "node:assert/strict";
import { test } from "node:test";
import { RingbackError } from "../../Sources/WebClient/library/errors.js";
import { CallSettings } from "../../Sources/WebClient/page/call-settings.js";
import { failure, turn } from "./browser.mjs";

/** @type {import("../../Sources/WebClient/library/contacts.js").CallSettings} */
const usual = { callWaiting: false, whoCanCall: "everyone" };

/** Settings whose server the test is: `answer(value)` to the oldest request. */
function settings() {
  /** @type {{resolve: (settings: typeof usual) => void, reject: (error: Error) => void}[]} */
  const open = [];
  /** @type {unknown[]} */
  const asked = [];
  /**
   * @param {unknown} what
   * @returns {Promise<typeof usual>}
   */
  const request = (what) => {
    asked.push(what);
    return new Promise((resolve, reject) => open.push({ resolve, reject }));
  };
  const api = { callSettings: () => request("load"), changeCallSettings: request };
  const answer = async (/** @type {typeof usual | Error} */ value) => {
    await turn();
    const next = open.shift();
    assert.ok(next);
    const { resolve, reject } = next;
    if (value instanceof Error) reject(value);
    else resolve(value);
    await turn();
  };
  return { asked, answer, settings: new CallSettings(api) };
}

const codeOf = (/** @type {unknown} */ error) => (error instanceof RingbackError ? error.code : error);

async function loaded() {
  const made = settings();
  made.settings.load();
  await made.answer(usual);
  made.asked.length = 0;
  return made;
}

test("there is nothing to show before they are there, and one loading at a time", async () => {
  const { asked, answer, settings: own } = settings();
  assert.equal(own.shown, null);
  assert.equal(own.load(), own.load());
  assert.equal(own.isWorking, true);
  await answer(usual);
  assert.deepEqual([own.shown, own.isWorking, own.isSaved], [usual, false, false]);
  assert.deepEqual(asked, ["load"]);
});

test("a wish shows at once, and is stored", async () => {
  const { asked, answer, settings: own } = await loaded();
  own.change({ whoCanCall: "nobody" });
  assert.deepEqual(own.shown, { callWaiting: false, whoCanCall: "nobody" });
  assert.equal(own.isSaved, false);
  await answer({ callWaiting: false, whoCanCall: "nobody" });
  assert.deepEqual([own.shown?.whoCanCall, own.isSaved, own.isWorking], ["nobody", true, false]);
  assert.deepEqual(asked, [{ whoCanCall: "nobody" }]);
});

test("wishes while one is on its way go together in the next request; the last one wins", async () => {
  const { asked, answer, settings: own } = await loaded();
  own.change({ whoCanCall: "contacts" });
  await turn();
  own.change({ whoCanCall: "nobody" });
  own.change({ callWaiting: true });
  own.change({ whoCanCall: "everyone" });
  assert.deepEqual(own.shown, { callWaiting: true, whoCanCall: "everyone" });
  await answer({ ...usual, whoCanCall: "contacts" });
  assert.deepEqual(own.shown, { callWaiting: true, whoCanCall: "everyone" });
  await answer({ callWaiting: true, whoCanCall: "everyone" });
  assert.deepEqual(asked, [{ whoCanCall: "contacts" }, { whoCanCall: "everyone", callWaiting: true }]);
  assert.equal(own.isWorking, false);
});

test("what is so already is not asked for", async () => {
  const { asked, answer, settings: own } = await loaded();
  own.change({ callWaiting: false });
  await turn();
  assert.deepEqual([asked, own.isWorking], [[], false]);
  own.change({ callWaiting: true });
  await turn();
  own.change({ callWaiting: false });
  own.change({ callWaiting: true });
  await answer({ ...usual, callWaiting: true });
  assert.deepEqual([asked, own.isWorking], [[{ callWaiting: true }], false]);
});

test("what could not be stored is shown as it is at the server, with why", async () => {
  const { answer, settings: own } = await loaded();
  own.change({ whoCanCall: "nobody" });
  await turn();
  own.change({ callWaiting: true });
  await answer(failure("OFFLINE"));
  assert.deepEqual([own.shown, codeOf(own.error), own.isSaved, own.isGivenUp], [usual, "OFFLINE", false, true]);
  own.load();
  await answer(failure("OFFLINE"));
  assert.deepEqual([own.shown, codeOf(own.error), own.isGivenUp], [usual, "OFFLINE", false]);
  own.change({ whoCanCall: "nobody" });
  await turn();
  assert.equal(own.error, null);
  await answer({ ...usual, whoCanCall: "nobody" });
  assert.deepEqual([own.shown?.whoCanCall, own.isSaved], ["nobody", true]);
});

test("after a sign-out nothing of the former person comes back, nor is anything asked for", async () => {
  const { asked, answer, settings: own } = await loaded();
  own.change({ whoCanCall: "nobody" });
  await turn();
  own.change({ callWaiting: true });
  own.clear();
  await answer({ ...usual, whoCanCall: "nobody" });
  assert.deepEqual([own.shown, own.isWorking, own.isSaved], [null, false, false]);
  assert.deepEqual(asked, [{ whoCanCall: "nobody" }]);
});

test("who signs in while a change of the former person is on its way is not mixed up with them", async () => {
  const { asked, answer, settings: own } = await loaded();
  own.change({ whoCanCall: "nobody" });
  await turn();
  own.clear();
  own.load();
  own.change({ callWaiting: true });
  await answer({ ...usual, whoCanCall: "nobody" });
  assert.deepEqual(asked, [{ whoCanCall: "nobody" }, "load"]);
  await answer(usual);
  await answer({ ...usual, callWaiting: true });
  assert.deepEqual(asked.slice(2), [{ callWaiting: true }]);
  assert.deepEqual(own.shown, { ...usual, callWaiting: true });
});
