import assert from "node:assert/strict";
import { test } from "node:test";
import { RingbackError } from "../../Sources/WebClient/library/errors.js";
import { MemoryStorage, SessionStore } from "../../Sources/WebClient/library/session-store.js";
import { TokenKeeper } from "../../Sources/WebClient/library/token-keeper.js";

const start = Date.parse("2026-01-01T00:00:00Z");
/**
 * @param {number} number
 * @param {number} lifetimeMs
 * @returns {import("../../Sources/WebClient/library/session-store.js").Credentials}
 */
const credentials = (number, lifetimeMs) => ({
  user: { id: "u1" },
  sessionId: "s1",
  accessToken: `access-${number}`,
  accessTokenExpiresAt: new Date(start + lifetimeMs).toISOString(),
  refreshToken: `refresh-${number}`,
  refreshTokenExpiresAt: new Date(start + 86_400_000).toISOString(),
});

/** Locks as the browser has them: one holder at a time, in order, shared by all tabs. */
class Locks {
  /** @type {Map<string, Promise<unknown>>} */
  #tails = new Map();
  /**
   * @template Result
   * @param {string} name
   * @param {() => Promise<Result>} work
   */
  request(name, work) {
    const run = (this.#tails.get(name) ?? Promise.resolve()).then(work);
    this.#tails.set(name, run.catch(() => {}));
    return run;
  }
}

/** A server that knows each refresh token once. */
function server() {
  /** @type {(string | undefined)[]} */
  const used = [];
  const state = { used, number: 1, refresh };
  /** @param {string} [token] */
  async function refresh(token) {
    used.push(token);
    await null;
    if (token !== `refresh-${state.number}`) throw new RingbackError("UNAUTHENTICATED", "used before");
    state.number += 1;
    return credentials(state.number, 600_000);
  }
  return state;
}

/**
 * @param {MemoryStorage} storage
 * @param {import("../../Sources/WebClient/library/token-keeper.js").Locks | undefined} locks
 * @param {(token?: string) => Promise<ReturnType<typeof credentials>>} refresh
 */
function tab(storage, locks, refresh) {
  const store = new SessionStore({ storage });
  return { store, keeper: new TokenKeeper({ store, refresh, locks, now: () => start }) };
}

test("a token with time left is handed out without a request", async () => {
  const one = server();
  const { store, keeper } = tab(new MemoryStorage(), new Locks(), one.refresh);
  store.write(credentials(1, 300_000));
  assert.equal(await keeper.accessToken(), "access-1");
  assert.deepEqual(one.used, []);
});

test("many callers at once make one refresh", async () => {
  const one = server();
  const { store, keeper } = tab(new MemoryStorage(), new Locks(), one.refresh);
  store.write(credentials(1, 30_000));
  const tokens = await Promise.all(Array.from({ length: 20 }, () => keeper.accessToken()));
  assert.deepEqual(new Set(tokens), new Set(["access-2"]));
  assert.deepEqual(one.used, ["refresh-1"]);
});

test("without locks there is still one refresh at a time in a page", async () => {
  const one = server();
  const { store, keeper } = tab(new MemoryStorage(), undefined, one.refresh);
  store.write(credentials(1, 0));
  assert.deepEqual(await Promise.all([keeper.accessToken(), keeper.accessToken()]), ["access-2", "access-2"]);
  assert.deepEqual(one.used, ["refresh-1"]);
});

test("two tabs make one refresh: the second takes what the first stored", async () => {
  const one = server();
  const storage = new MemoryStorage();
  const locks = new Locks();
  const first = tab(storage, locks, one.refresh);
  const second = tab(storage, locks, one.refresh);
  first.store.write(credentials(1, 0));
  const tokens = await Promise.all([first.keeper.accessToken(), second.keeper.accessToken()]);
  assert.deepEqual(tokens, ["access-2", "access-2"]);
  assert.deepEqual(one.used, ["refresh-1"]);
});

test("a token that the server turned away is replaced, however long it had", async () => {
  const one = server();
  const { store, keeper } = tab(new MemoryStorage(), new Locks(), one.refresh);
  store.write(credentials(1, 300_000));
  assert.equal(await keeper.accessToken("access-1"), "access-2");
  assert.equal(await keeper.accessToken("access-1"), "access-2");
  assert.deepEqual(one.used, ["refresh-1"]);
});

test("an ended session signs out; a server that is away does not", async () => {
  const storage = new MemoryStorage();
  const ended = tab(storage, new Locks(), async () => {
    throw new RingbackError("UNAUTHENTICATED", "revoked");
  });
  const away = tab(storage, new Locks(), async () => {
    throw new RingbackError("OFFLINE", "away");
  });
  away.store.write(credentials(1, 0));
  await assert.rejects(away.keeper.accessToken(), { code: "OFFLINE" });
  assert.equal(away.store.read()?.refreshToken, "refresh-1");
  assert.equal(await ended.keeper.accessToken(), null);
  assert.equal(ended.store.read(), null);
});

test("profiles are apart, devices too", () => {
  const storage = new MemoryStorage();
  const one = new SessionStore({ storage });
  const other = new SessionStore({ storage, profile: "second" });
  one.write(credentials(1, 0));
  assert.equal(other.read(), null);
  assert.notEqual(one.deviceId, other.deviceId);
  assert.equal(one.deviceId, new SessionStore({ storage }).deviceId);
});

test("locks that are there but are not to be had are done without", async () => {
  const one = server();
  const locks = { request: () => Promise.reject(new DOMException("blocked", "SecurityError")) };
  const { store, keeper } = tab(new MemoryStorage(), locks, one.refresh);
  store.write(credentials(1, 0));
  assert.equal(await keeper.accessToken(), "access-2");
});

test("who signs out while a token is refreshed stays signed out", async () => {
  const one = server();
  const { store, keeper } = tab(new MemoryStorage(), new Locks(), one.refresh);
  store.write(credentials(1, 0));
  const token = keeper.accessToken();
  while (!one.used.length) await Promise.resolve();
  store.clear();
  assert.equal(await token, null);
  assert.equal(store.read(), null);
});

test("a token that the browser keeps is not named, and one that was kept here is forgotten", async () => {
  const one = server();
  const { store, keeper } = tab(new MemoryStorage(), new Locks(), async (token) => {
    const fresh = await one.refresh(token ?? `refresh-${one.number}`);
    delete fresh.refreshToken;
    return { ...fresh, accessTokenExpiresAt: new Date(start).toISOString() };
  });
  store.write(credentials(1, 0));
  assert.equal(await keeper.accessToken(), "access-2");
  assert.equal("refreshToken" in (store.read() ?? {}), false);
  assert.equal(await keeper.accessToken(), "access-3");
  assert.deepEqual(one.used, ["refresh-1", "refresh-2"]);
});

test("credentials of another session are not taken", async () => {
  const { store, keeper } = tab(new MemoryStorage(), new Locks(), async () => ({
    ...credentials(2, 600_000),
    sessionId: "s2",
  }));
  store.write(credentials(1, 0));
  assert.equal(await keeper.accessToken(), null);
  assert.equal(store.read(), null);
});
