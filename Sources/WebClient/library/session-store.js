// Where the sign-in and the identity of this device are kept.

import { newId } from "./wire.js";

/**
 * @typedef {object} Credentials
 * @property {Wire.User} user
 * @property {string} sessionId
 * @property {string} accessToken
 * @property {string} accessTokenExpiresAt
 * @property {string} [refreshToken] where the browser keeps none for us
 * @property {string} refreshTokenExpiresAt
 */

/** A `Storage` that forgets: for pages where local storage is blocked, and for tests. */
export class MemoryStorage {
  /** @type {Map<string, string>} */
  #items = new Map();
  /** @param {string} key @returns {string | null} */
  getItem(key) {
    return this.#items.get(key) ?? null;
  }
  /** @param {string} key @param {string} value */
  setItem(key, value) {
    this.#items.set(key, String(value));
  }
  /** @param {string} key */
  removeItem(key) {
    this.#items.delete(key);
  }
}

/**
 * A storage of the browser, or one in memory where that is blocked.
 * @param {"localStorage" | "sessionStorage"} name
 */
export function storageNamed(name) {
  try {
    const storage = globalThis[name];
    storage.setItem("ringback:probe", "1");
    storage.removeItem("ringback:probe");
    return storage;
  } catch {
    return new MemoryStorage();
  }
}

/**
 * One person's credentials and device id in one browser, under a name space of their own. Where the browser keeps the
 * refresh token in a cookie, it is not among them.
 */
export class SessionStore {
  /**
   * @param {{profile?: string, storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">}} options
   *   `profile` separates several people in one browser
   */
  constructor({ profile = "", storage = storageNamed("localStorage") } = {}) {
    this.namespace = `ringback:${profile}`;
    this.storage = storage;
  }

  /**
   * Made once and kept.
   * @returns {string}
   */
  get deviceId() {
    const key = `${this.namespace}:device`;
    let id = this.storage.getItem(key);
    if (!id) {
      id = newId();
      this.storage.setItem(key, id);
    }
    return id;
  }

  /** @returns {Credentials | null} */
  read() {
    try {
      const stored = JSON.parse(this.storage.getItem(`${this.namespace}:credentials`) ?? "null");
      return stored?.accessToken ? stored : null;
    } catch {
      return null;
    }
  }

  /** @param {Credentials} credentials */
  write(credentials) {
    this.storage.setItem(`${this.namespace}:credentials`, JSON.stringify(credentials));
  }

  /** Forgets the credentials; the device id stays. */
  clear() {
    this.storage.removeItem(`${this.namespace}:credentials`);
  }
}
