import assert from "node:assert/strict";
import { mock, test } from "node:test";
import {
  IceServers,
  expiryOf,
  renewalMarginMs,
  renewalPatienceMs,
} from "../../Sources/WebClient/library/ice-servers.js";
import { turn } from "./browser.mjs";

const start = 1_700_000_000_000;
const stun = { urls: ["stun:stun.example:3478"] };
const good = (/** @type {number} */ seconds) => ({
  urls: ["turn:turn.example"],
  username: `${start / 1000 + seconds}:u1`,
  credential: "c",
});

/**
 * Servers whose clock and whose answers the test sets; `asked` has one entry for each question.
 * @param {Wire.IceServer[] | undefined} list
 */
function servers(list) {
  const clock = { now: start };
  /** @type {{answer: (servers: Wire.IceServer[]) => void, fail: (error: Error) => void}[]} */
  const asked = [];
  /** @returns {Promise<Wire.IceServer[]>} */
  const fetch = () => new Promise((answer, fail) => asked.push({ answer, fail }));
  const kept = new IceServers({ fetch, now: () => clock.now });
  kept.take(list);
  return { clock, asked, kept };
}

test("the first credential to end counts, and what has no end has none", () => {
  assert.equal(expiryOf([stun, good(600), good(300)]), start + 300_000);
  for (const list of [[], [stun], [{ urls: ["turn:a"], username: "ann", credential: "c" }], [{ urls: ["turn:a"] }]]) {
    assert.equal(expiryOf(list), null);
  }
  assert.equal(expiryOf([{ urls: ["turn:a"], username: "99999999999999:u1" }]), null);
});

test("servers without URLs are left out", () => {
  assert.deepEqual(servers([{}, { urls: [] }, stun]).kept.list, [stun]);
  assert.deepEqual(servers(undefined).kept.list, []);
});

test("the server is asked only when the end is near", async () => {
  const { clock, asked, kept } = servers([stun, good(600)]);
  clock.now = start + 600_000 - renewalMarginMs - 1;
  await kept.renew();
  assert.equal(asked.length, 0);
  clock.now += 1;
  const renewed = kept.renew();
  asked[0].answer([stun, good(1200)]);
  await renewed;
  assert.deepEqual(kept.list, [stun, good(1200)]);
  await kept.renew();
  assert.equal(asked.length, 1);
});

test("without credentials the server is never asked", async () => {
  const { clock, asked, kept } = servers([stun]);
  clock.now += 1e9;
  await kept.renew();
  assert.equal(asked.length, 0);
});

test("many at once ask once", async () => {
  const { asked, kept } = servers([good(0)]);
  const all = Promise.all([kept.renew(), kept.renew(), kept.renew()]);
  assert.equal(asked.length, 1);
  asked[0].answer([good(600)]);
  await all;
  assert.deepEqual(kept.list, [good(600)]);
});

test("a server that says no, or cannot be reached, leaves the old ones, and is asked again the next time", async () => {
  const { asked, kept } = servers([good(10)]);
  const renewed = kept.renew();
  asked[0].fail(new Error("no network"));
  await renewed;
  assert.deepEqual(kept.list, [good(10)]);
  kept.renew();
  assert.equal(asked.length, 2);
  asked[1].answer([good(600)]);
  await turn();
  assert.deepEqual(kept.list, [good(600)]);
});

test("a server that does not answer holds nothing up, and its late answer counts", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { asked, kept } = servers([good(10)]);
  let isDone = false;
  const renewed = kept.renew().then(() => (isDone = true));
  mock.timers.tick(renewalPatienceMs - 1);
  await turn();
  assert.equal(isDone, false);
  mock.timers.tick(1);
  await renewed;
  asked[0].answer([good(600)]);
  await turn();
  assert.deepEqual(kept.list, [good(600)]);
  mock.timers.reset();
});

test("an answer that comes after a newer welcome, or after signing out, is dropped", async () => {
  for (const newer of [[good(900)], []]) {
    const { asked, kept } = servers([good(10)]);
    const renewed = kept.renew();
    kept.take(newer);
    asked[0].answer([good(600)]);
    await renewed;
    assert.deepEqual(kept.list, newer);
  }
});
