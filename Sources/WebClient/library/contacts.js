// Contacts, blocks, and how one wants to be called: the REST interface to them.

/** People are asked for in pages of this many, the most that the server gives. */
const pageSize = 100;

/**
 * @typedef {"everyone" | "contacts" | "nobody"} WhoCanCall
 * @typedef {{callWaiting: boolean, whoCanCall: WhoCanCall}} CallSettings
 * @typedef {"requested" | "received" | "accepted"} ContactStatus `requested` by this person, `received` from the other
 * @typedef {{user: Wire.User, status: ContactStatus}} Contact
 */

/** The people whom somebody knows or keeps away. Each method rejects with a {@link RingbackError}. */
export class Contacts {
  #rest;

  /** @param {Pick<import("./client.js").RingbackClient, "rest">} client */
  constructor(client) {
    this.#rest = client.rest.bind(client);
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

  /**
   * Contacts and requests, all of them; without people whom this one has blocked.
   * @returns {Promise<Contact[]>}
   */
  async list() {
    /** @type {Wire.Contact[]} */
    const all = await this.#all("/v1/contacts", "contacts");
    return all.map(contactOf);
  }

  /**
   * Asks somebody to be a contact, or agrees when they have asked. @returns {Promise<Contact>} how things stand now
   * @param {string} userId
   */
  async ask(userId) {
    return contactOf(await this.#rest("POST", "/v1/contacts", { userId }));
  }

  /**
   * Agrees to somebody's request.
   * @param {string} userId
   */
  async accept(userId) {
    await this.#rest("POST", `/v1/contacts/${encodeURIComponent(userId)}/accept`);
  }

  /**
   * Turns somebody's request away, of which they hear nothing.
   * @param {string} userId
   */
  async decline(userId) {
    await this.#rest("POST", `/v1/contacts/${encodeURIComponent(userId)}/reject`);
  }

  /**
   * Ends a contact, or withdraws a request.
   * @param {string} userId
   */
  async remove(userId) {
    await this.#rest("DELETE", `/v1/contacts/${encodeURIComponent(userId)}`);
  }

  /**
   * Whom this person has blocked.
   * @returns {Promise<Wire.User[]>}
   */
  blocked() {
    return this.#all("/v1/blocks", "users");
  }

  /**
   * Blocks somebody, who does not learn of it.
   * @param {string} userId
   */
  async block(userId) {
    await this.#rest("PUT", `/v1/blocks/${encodeURIComponent(userId)}`);
  }

  /**
   * Ends a block.
   * @param {string} userId
   */
  async unblock(userId) {
    await this.#rest("DELETE", `/v1/blocks/${encodeURIComponent(userId)}`);
  }

  /**
   * @template Item
   * @param {string} path
   * @param {"contacts" | "users"} field
   * @returns {Promise<Item[]>}
   */
  async #all(path, field) {
    /** @type {Item[]} */
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

/** @type {Record<Wire.WhoCanCall, WhoCanCall>} */
const whoCanCallNames = {
  WHO_CAN_CALL_UNSPECIFIED: "everyone",
  WHO_CAN_CALL_EVERYONE: "everyone",
  WHO_CAN_CALL_CONTACTS: "contacts",
  WHO_CAN_CALL_NOBODY: "nobody",
};

/** @param {Wire.CallSettings} settings @returns {CallSettings} */
function settingsOf({ callWaiting = false, whoCanCall = "WHO_CAN_CALL_UNSPECIFIED" }) {
  return { callWaiting, whoCanCall: whoCanCallNames[whoCanCall] };
}

/** @type {Record<Wire.ContactStatus, ContactStatus>} */
const statusNames = {
  CONTACT_STATUS_UNSPECIFIED: "requested",
  CONTACT_STATUS_REQUESTED: "requested",
  CONTACT_STATUS_RECEIVED: "received",
  CONTACT_STATUS_ACCEPTED: "accepted",
};

/** @param {Wire.Contact} contact @returns {Contact} */
function contactOf({ user, status = "CONTACT_STATUS_UNSPECIFIED" }) {
  return { user, status: statusNames[status] };
}
