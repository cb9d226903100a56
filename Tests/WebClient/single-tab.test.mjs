import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { beTheLiveTab } from "../../Sources/WebClient/page/single-tab.js";
import { pretend, turn } from "./browser.mjs";

/**
 * A browser with these locks, and blocked storage.
 * @param {object} locks
 */
function browser(locks) {
  pretend("navigator", { locks });
  Object.defineProperty(globalThis, "sessionStorage", {
    configurable: true,
    get() {
      throw new DOMException("blocked", "SecurityError");
    },
  });
}

test("where storage and locks are blocked, the tab is live, and asks once", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const request = () => {
    asked += 1;
    return Promise.reject(new DOMException("blocked", "SecurityError"));
  };
  browser({ request });
  /** @type {string[]} */
  const told = [];
  beTheLiveTab("t", { onHere: () => told.push("here"), onElsewhere: () => told.push("elsewhere") });
  await turn();
  mock.timers.tick(10_000);
  await turn();
  assert.deepEqual(told, ["here"]);
  assert.equal(asked, 1);
  mock.timers.reset();
});

test("a tab whose lock is stolen steps back and queues", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {{hold: () => void, steal: () => void}[]} */
  const requests = [];
  /**
   * @param {string} name
   * @param {object} options
   * @param {() => Promise<void>} hold
   */
  const request = (name, options, hold) =>
    new Promise((resolve, reject) => {
      requests.push({ hold, steal: () => reject(new DOMException("stolen", "AbortError")) });
    });
  browser({ request });
  /** @type {string[]} */
  const told = [];
  beTheLiveTab("t", { onHere: () => told.push("here"), onElsewhere: () => told.push("elsewhere") });
  requests[0].hold();
  mock.timers.tick(1_000);
  requests[0].steal();
  await turn();
  assert.deepEqual(told, ["here", "elsewhere"]);
  assert.equal(requests.length, 2);
  mock.timers.reset();
});
