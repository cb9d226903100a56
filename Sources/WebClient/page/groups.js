// The groups that calls were in, also those that are no longer among the latest conversations. No DOM.

/** Looks groups up, each once. */
export class Groups {
  #client;
  #listed;
  #known = new Map();

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {(conversationId: string) => object | undefined} listed a conversation that the page has already
   */
  constructor(client, listed) {
    this.#client = client;
    this.#listed = listed;
  }

  /** Forgets everything: the sign-in is over. */
  clear() {
    this.#known = new Map();
  }

  /** The group with this id; null where it is none, where this person is not in it, or before {@link lookUp}. */
  get(conversationId) {
    const conversation = this.#listed(conversationId) ?? this.#known.get(conversationId);
    return conversation?.type === "CONVERSATION_TYPE_GROUP" ? conversation : null;
  }

  /** Asks for those that are not known. Never rejects: what cannot be had now is asked for the next time. */
  async lookUp(conversationIds) {
    const unknown = [...new Set(conversationIds)].filter((id) => id && !this.#listed(id) && !this.#known.has(id));
    const known = this.#known;
    await Promise.all(
      unknown.map(async (id) => {
        try {
          known.set(id, await this.#client.rest("GET", `/v1/conversations/${encodeURIComponent(id)}`));
        } catch (error) {
          // Nobody's group, or not this person's any more.
          if (error.code === "NOT_FOUND") known.set(id, null);
        }
      }),
    );
  }
}
