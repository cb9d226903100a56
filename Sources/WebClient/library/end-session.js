// Ending a session at the server after the sign-out on this device.

import { RingbackError, hasCode } from "./errors.js";
import { Rest } from "./rest.js";
import { MemoryStorage, SessionStore } from "./session-store.js";
import { TokenKeeper, exchange } from "./token-keeper.js";

/** How long to wait before the second and the third try, in milliseconds. */
const waitsMs = [2_000, 10_000];

/**
 * Tells the server that a session is over. The tokens are kept in memory alone, and are gone with the page.
 * @param {import("./session-store.js").Credentials} credentials
 * @param {{url: string, profile?: string, fetch?: typeof fetch, cookieFields?: () => Record<string, string>}} options
 *   `cookieFields`: what asks for the cookie, as long as it is the one of this session
 * @returns {Promise<void>} rejects when the server could not be told
 */
export async function endSession(credentials, { url, profile, fetch, cookieFields = () => ({}) }) {
  const store = new SessionStore({ profile, storage: new MemoryStorage() });
  store.write(credentials);
  /** @type {Rest} */
  const rest = new Rest(url, (rejected) => keeper.accessToken(rejected), fetch);
  /** @type {TokenKeeper} */
  const keeper = new TokenKeeper({
    store,
    refresh: (refreshToken) => exchange(rest, refreshToken, cookieFields()),
    now: () => Date.now() + rest.clockOffsetMs,
  });
  for (let attempt = 0; ; attempt += 1) {
    try {
      await rest.signed("DELETE", "/v1/sessions/current", undefined, cookieFields());
      return;
    } catch (error) {
      // Over already is what was wanted.
      if (hasCode(error, "UNAUTHENTICATED")) return;
      if (!(error instanceof RingbackError) || !error.retryable || attempt === waitsMs.length) throw error;
      const waitMs = Math.max(error.retryAfterMs, waitsMs[attempt]);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
