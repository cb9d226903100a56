// Contacts and blocks as this page knows them. No DOM.

import { Emitter, hasCode } from "../library/ringback.js";

/**
 * How things stand with somebody.
 * @typedef {object} Standing
 * @property {"" | import("../library/contacts.js").ContactStatus} contact
 * @property {boolean} blocked
 */

/** @typedef {"ask" | "accept" | "decline" | "withdraw" | "remove" | "block" | "unblock"} Verb */

/**
 * What can be done about somebody now.
 * @param {Standing} standing
 * @returns {Verb[]}
 */
export function verbsFor({ contact, blocked }) {
  // Nobody can be blocked and asked at once.
  if (blocked) return ["unblock"];
  /** @type {Record<Standing["contact"], Verb[]>} */
  const verbs = { "": ["ask"], requested: ["withdraw"], received: ["accept", "decline"], accepted: ["remove"] };
  return [...verbs[contact], "block"];
}

/**
 * Loads the lists, and changes them. There is one change of a person at a time, and one loading.
 *
 * Event: `change`, whenever there is something else to show.
 * @extends {Emitter<{change: undefined}>}
 */
export class ContactBook extends Emitter {
  #api;
  /** @type {Map<string, import("../library/contacts.js").Contact>} */
  #contacts = new Map();
  /** @type {Map<string, Wire.User>} */
  #blocked = new Map();
  /** @type {Set<string>} */
  #busy = new Set();
  /** @type {Promise<void> | null} */
  #loading = null;
  #changes = 0;
  #owner = {};

  /** Whether the lists are there. They stay while they are loaded again. */
  isLoaded = false;
  /**
   * Why they could not be loaded the last time.
   * @type {unknown}
   */
  error = null;

  /**
   * @param {Pick<import("../library/contacts.js").Contacts,
   *   "list" | "ask" | "accept" | "decline" | "remove" | "blocked" | "block" | "unblock">} api
   */
  constructor(api) {
    super();
    this.#api = api;
  }

  /** Forgets everything: the sign-in is over. What is still on its way comes to nothing here. */
  clear() {
    this.#owner = {};
    this.#contacts.clear();
    this.#blocked.clear();
    this.#busy.clear();
    this.#loading = null;
    this.isLoaded = false;
    this.error = null;
    this.#changed();
  }

  /** Whether the lists are being loaded. */
  get isLoading() {
    return this.#loading !== null;
  }

  /**
   * Those with a status, by name.
   * @param {import("../library/contacts.js").ContactStatus} status
   */
  contacts(status) {
    const all = [...this.#contacts.values()].filter(
      (contact) => contact.status === status && !this.#blocked.has(contact.user.id),
    );
    return byName(all.map(({ user }) => user));
  }

  /** Who is blocked, by name. */
  get blocked() {
    return byName([...this.#blocked.values()]);
  }

  /**
   * How things stand with somebody.
   * @param {string} userId
   * @returns {Standing}
   */
  standingOf(userId) {
    return { contact: this.#contacts.get(userId)?.status ?? "", blocked: this.#blocked.has(userId) };
  }

  /**
   * Whether a change of this person is on its way.
   * @param {string} userId
   */
  isBusy(userId) {
    return this.#busy.has(userId);
  }

  /** Loads the lists. Never rejects: see {@link error}. */
  load() {
    this.#loading ??= this.#load(this.#owner);
    return this.#loading;
  }

  /** @param {object} owner */
  async #load(owner) {
    // Not before `#loading` is set, which those who are told look at.
    await null;
    if (owner !== this.#owner) return;
    this.#changed();
    /** @type {unknown} */
    let error = null;
    try {
      let changes;
      do {
        changes = this.#changes;
        const [contacts, blocked] = await Promise.all([this.#api.list(), this.#api.blocked()]);
        if (owner !== this.#owner) return;
        this.#contacts = new Map(contacts.map((contact) => [contact.user.id, contact]));
        this.#blocked = new Map(blocked.map((user) => [user.id, user]));
        // What was changed meanwhile may be missing in the lists.
      } while (changes !== this.#changes);
      this.isLoaded = true;
    } catch (failure) {
      error = failure;
    }
    if (owner !== this.#owner) return;
    this.error = error;
    this.#loading = null;
    this.#changed();
  }

  /**
   * Does something about somebody. Rejects with why it could not be done.
   * @param {Verb} verb
   * @param {Wire.User} user
   * @returns {Promise<boolean>} false when another change of this person is on its way still
   */
  async change(verb, user) {
    if (this.#busy.has(user.id)) return false;
    const owner = this.#owner;
    this.#busy.add(user.id);
    this.#changed();
    try {
      const contact = await this.#api[verb === "withdraw" ? "remove" : verb](user.id);
      if (owner !== this.#owner) return true;
      this.#changes += 1;
      this.#apply(verb, user, contact);
    } catch (error) {
      // Somebody else was faster, or this page's picture is old.
      if (owner === this.#owner && (hasCode(error, "NOT_FOUND") || hasCode(error, "CONFLICT"))) this.load();
      throw error;
    } finally {
      if (owner === this.#owner) {
        this.#busy.delete(user.id);
        this.#changed();
      }
    }
    return true;
  }

  /**
   * @param {Verb} verb
   * @param {Wire.User} user
   * @param {import("../library/contacts.js").Contact | void} contact
   */
  #apply(verb, user, contact) {
    const { id } = user;
    if (contact) this.#contacts.set(id, contact);
    else if (verb === "accept") this.#contacts.set(id, { user, status: "accepted" });
    else if (verb === "block") {
      this.#blocked.set(id, user);
      // A request of one's own does not outlive it, a contact does.
      if (this.#contacts.get(id)?.status === "requested") this.#contacts.delete(id);
    } else if (verb === "unblock") {
      this.#blocked.delete(id);
      // Whether they were a contact is not known while they are blocked.
      this.load();
    } else this.#contacts.delete(id);
  }

  #changed() {
    this.emit("change");
  }
}

/** @param {Wire.User[]} users */
function byName(users) {
  const name = (/** @type {Wire.User} */ { displayName, username }) => displayName || username || "";
  return users.sort((one, other) => name(one).localeCompare(name(other)));
}
