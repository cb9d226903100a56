// Contacts, blocks, and how one wants to be called: the REST interface to them.

/** People are asked for in pages of this many, the most that the server gives. */
const pageSize = 100;

/**
 * @typedef {"everyone" | "contacts" | "nobody"} WhoCanCall
 * @typedef {{callWaiting: boolean, whoCanCall: WhoCanCall}} CallSettings
 * @typedef {"requested" | "received" | "accepted"} ContactStatus `requested` by this person, `received` from the other
 * @typedef {{user: import("./wire.js").User, status: ContactStatus}} Contact
 */

/** The people whom somebody knows or keeps away. Each method rejects with a {@link RingbackError}. */
export class Contacts {
  #rest;

  /** @param {{rest: (method: string, path: string, body?: object) => Promise<any>}} client */
  constructor(client) {
    this.#rest = (method, path, body) => client.rest(method, path, body);
  }

  /** @returns {Promise<CallSettings>} */
  async callSettings() {
    return settingsOf(await this.#rest("GET", "/v1/me/call-settings"));
  }

  /**
   * Changes how this person wants to be called; what is left out stays.
   * @param {Partial<CallSettings>} changes
   * @returns {Promise<CallSettings>} all of them as they are now
   */
  async changeCallSettings({ callWaiting, whoCanCall }) {
    const body = { callWaiting, whoCanCall: whoCanCall && `WHO_CAN_CALL_${whoCanCall.toUpperCase()}` };
    return settingsOf(await this.#rest("PATCH", "/v1/me/call-settings", body));
  }

  /** Contacts and requests, all of them; without people whom this one has blocked. @returns {Promise<Contact[]>} */
  async list() {
    return (await this.#all("/v1/contacts", "contacts")).map(contactOf);
  }

  /** Asks somebody to be a contact, or agrees when they have asked. @returns {Promise<Contact>} how things stand now */
  async ask(userId) {
    return contactOf(await this.#rest("POST", "/v1/contacts", { userId }));
  }

  /** Agrees to somebody's request. */
  async accept(userId) {
    await this.#rest("POST", `/v1/contacts/${encodeURIComponent(userId)}/accept`);
  }

  /** Turns somebody's request away, of which they hear nothing. */
  async decline(userId) {
    await this.#rest("POST", `/v1/contacts/${encodeURIComponent(userId)}/reject`);
  }

  /** Ends a contact, or withdraws a request. */
  async remove(userId) {
    await this.#rest("DELETE", `/v1/contacts/${encodeURIComponent(userId)}`);
  }

  /** Whom this person has blocked. @returns {Promise<import("./wire.js").User[]>} */
  blocked() {
    return this.#all("/v1/blocks", "users");
  }

  /** Blocks somebody, who does not learn of it. */
  async block(userId) {
    await this.#rest("PUT", `/v1/blocks/${encodeURIComponent(userId)}`);
  }

  /** Ends a block. */
  async unblock(userId) {
    await this.#rest("DELETE", `/v1/blocks/${encodeURIComponent(userId)}`);
  }

  async #all(path, field) {
    const all = [];
    let cursor = "";
    do {
      const query = new URLSearchParams({ limit: String(pageSize), ...(cursor && { cursor }) });
      const page = await this.#rest("GET", `${path}?${query}`);
      all.push(...(page[field] ?? []));
      cursor = page.nextCursor ?? "";
    } while (cursor);
    return all;
  }
}

const nameAfter = (prefix, value = "") => value.replace(prefix, "").toLowerCase();

function settingsOf({ callWaiting = false, whoCanCall }) {
  return { callWaiting, whoCanCall: nameAfter("WHO_CAN_CALL_", whoCanCall) };
}

function contactOf({ user, status }) {
  return { user, status: nameAfter("CONTACT_STATUS_", status) };
}
