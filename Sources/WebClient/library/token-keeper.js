// Keeps the access token fresh. Refresh tokens are good for one use, and using an old one again revokes
// the session: so there is one refresh at a time, in all tabs together.

import { RingbackError, hasCode } from "./errors.js";

/** An access token with less than this left is refreshed first, in milliseconds. */
export const refreshMarginMs = 60_000;

/**
 * Gives a refresh token for new credentials.
 * @param {import("./rest.js").Rest} rest
 * @param {string | undefined} refreshToken undefined when the browser keeps it
 * @param {Record<string, string>} fields what asks for the cookie
 * @returns {Promise<import("./session-store.js").Credentials>}
 */
export function exchange(rest, refreshToken, fields) {
  return rest.open("POST", "/v1/sessions/refresh", refreshToken ? { refreshToken } : {}, fields);
}

/**
 * Lets one at a time do something, by a name.
 * @typedef {{request: <Result>(name: string, work: () => Promise<Result>) => Promise<Result>}} Locks
 */

/**
 * Runs `work` alone among all tabs (Web Locks), or at least among this page where locks are missing.
 * @template Result
 * @param {string} name
 * @param {() => Promise<Result>} work
 * @param {Locks | undefined} locks
 * @returns {Promise<Result>}
 */
async function exclusively(name, work, locks) {
  if (!locks) return work();
  let begun = false;
  try {
    return await locks.request(name, () => {
      begun = true;
      return work();
    });
  } catch (error) {
    if (begun) throw error;
    // Where storage is blocked, locks are there but are not to be had.
    return work();
  }
}

export class TokenKeeper {
  #store;
  #refresh;
  #now;
  #locks;
  /** @type {Promise<string | null> | null} */
  #inFlight = null;

  /**
   * @param {object} options
   * @param {Pick<import("./session-store.js").SessionStore, "namespace" | "read" | "write" | "clear">} options.store
   * @param {(refreshToken?: string) => Promise<import("./session-store.js").Credentials>} options.refresh
   *   asks the server; rejects with code "UNAUTHENTICATED" when the session is over
   * @param {() => number} [options.now] milliseconds since 1970, by the server's clock as far as known
   * @param {Locks | undefined} [options.locks]
   */
  constructor({ store, refresh, now = Date.now, locks = globalThis.navigator?.locks }) {
    this.#store = store;
    this.#refresh = refresh;
    this.#now = now;
    this.#locks = locks;
  }

  /**
   * A token to use now, refreshed when it is about to run out.
   * @param {string} [rejected] a token that the server has just turned away: it is not handed out again
   * @returns {Promise<string | null>} null when nobody is signed in, or the session is over
   */
  async accessToken(rejected) {
    const credentials = this.#store.read();
    if (!credentials) return null;
    if (this.#isUsable(credentials, rejected)) return credentials.accessToken;
    this.#inFlight ??= this.#refreshOnce(rejected).finally(() => {
      this.#inFlight = null;
    });
    return this.#inFlight;
  }

  /** @param {import("./session-store.js").Credentials} credentials @param {string | undefined} rejected */
  #isUsable(credentials, rejected) {
    return (
      credentials.accessToken !== rejected &&
      Date.parse(credentials.accessTokenExpiresAt) - this.#now() > refreshMarginMs
    );
  }

  /**
   * Whether nobody signed out, or in, while the server was asked.
   * @param {import("./session-store.js").Credentials} credentials
   */
  #isStill(credentials) {
    return this.#store.read()?.accessToken === credentials.accessToken;
  }

  /** @param {string | undefined} rejected @returns {Promise<string | null>} */
  #refreshOnce(rejected) {
    return exclusively(
      `${this.#store.namespace}:refresh`,
      async () => {
        // Another tab may have refreshed while this one waited for the lock.
        const credentials = this.#store.read();
        if (!credentials) return null;
        if (this.#isUsable(credentials, rejected)) return credentials.accessToken;
        try {
          const fresh = await this.#refresh(credentials.refreshToken);
          if (!this.#isStill(credentials)) return this.#store.read()?.accessToken ?? null;
          // A cookie may have been set from elsewhere, for somebody else to be spoken for here.
          if (fresh.sessionId !== credentials.sessionId) throw new RingbackError("UNAUTHENTICATED", "Another session.");
          this.#store.write({ ...credentials, refreshToken: undefined, ...fresh });
          return fresh.accessToken;
        } catch (error) {
          if (!hasCode(error, "UNAUTHENTICATED")) throw error;
          if (this.#isStill(credentials)) this.#store.clear();
          return null;
        }
      },
      this.#locks,
    );
  }
}
