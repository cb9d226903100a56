// The groups that calls were in, also those that are no longer among the latest conversations. No DOM.

import { hasCode } from "../library/ringback.js";

/** Looks groups up, each once. */
export class Groups {
  #client;
  #listed;
  /** @type {Map<string, Wire.Conversation | null>} */
  #known = new Map();

  /**
   * @param {Pick<import("../library/ringback.js").RingbackClient, "rest">} client
   * @param {(conversationId: string) => Wire.Conversation | undefined} listed a conversation that the page has already
   */
  constructor(client, listed) {
    this.#client = client;
    this.#listed = listed;
  }

  /** Forgets everything: the sign-in is over. */
  clear() {
    this.#known = new Map();
  }

  /**
   * The group with this id; null where it is none, where this person is not in it, or before {@link lookUp}.
   * @param {string | undefined} conversationId
   */
  get(conversationId) {
    if (!conversationId) return null;
    const conversation = this.#listed(conversationId) ?? this.#known.get(conversationId);
    return conversation?.type === "CONVERSATION_TYPE_GROUP" ? conversation : null;
  }

  /**
   * Asks for those that are not known. Never rejects: what cannot be had now is asked for the next time.
   * @param {(string | undefined)[]} conversationIds
   */
  async lookUp(conversationIds) {
    const named = [...new Set(conversationIds)].flatMap((id) => id || []);
    const unknown = named.filter((id) => !this.#listed(id) && !this.#known.has(id));
    const known = this.#known;
    await Promise.all(
      unknown.map(async (id) => {
        try {
          known.set(id, await this.#client.rest("GET", `/v1/conversations/${encodeURIComponent(id)}`));
        } catch (error) {
          // Nobody's group, or not this person's any more.
          if (hasCode(error, "NOT_FOUND")) known.set(id, null);
        }
      }),
    );
  }
}
