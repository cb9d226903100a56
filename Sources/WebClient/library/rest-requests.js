// What a client asks of the REST interface.

import { Emitter } from "./emitter.js";
import { newId, wellFormed } from "./wire.js";

/**
 * The requests of {@link RingbackClient}, as the person who is signed in.
 * @extends {Emitter<import("./client.js").ClientEvents>}
 */
export class RestRequests extends Emitter {
  #rest;

  /** @param {import("./rest.js").Rest} rest */
  constructor(rest) {
    super();
    this.#rest = rest;
  }

  /**
   * A request to the REST interface as the person who is signed in.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>} of the type that the route has, which callers say
   */
  rest(method, path, body) {
    return this.#rest.signed(method, path, body);
  }

  /**
   * People whose names match.
   * @param {string} query
   * @returns {Promise<Wire.User[]>}
   */
  async searchUsers(query) {
    /** @type {Wire.UserList} */
    const { users = [] } = await this.rest("GET", `/v1/users?query=${encodeURIComponent(wellFormed(query))}`);
    return users;
  }

  /**
   * The direct conversation with somebody, made when there is none.
   * @param {string} userId
   * @returns {Promise<Wire.Conversation>}
   */
  openConversation(userId) {
    return this.rest("POST", "/v1/conversations", { userId });
  }

  /**
   * Makes a group. Those who do not know this person are invited into it. Repeated with the same
   * `clientConversationId`, it is the same group.
   * @param {{name: string, memberIds: string[], clientConversationId?: string}} group
   * @returns {Promise<Wire.Conversation>}
   */
  makeGroup({ clientConversationId = newId(), ...group }) {
    return this.rest("POST", "/v1/conversations", { type: "CONVERSATION_TYPE_GROUP", clientConversationId, ...group });
  }

  /**
   * Adds people to a group; those who do not know this person are invited.
   * @param {string} conversationId
   * @param {string[]} userIds
   * @returns {Promise<Wire.Conversation>} the group as it is now
   */
  addMembers(conversationId, userIds) {
    return this.rest("POST", `/v1/conversations/${encodeURIComponent(conversationId)}/members`, { userIds });
  }

  /**
   * Takes somebody out of a group, takes an invitation back, or leaves.
   * @param {string} conversationId
   * @param {string} userId
   */
  async removeMember(conversationId, userId) {
    const path = `/v1/conversations/${encodeURIComponent(conversationId)}/members/${encodeURIComponent(userId)}`;
    await this.rest("DELETE", path);
  }

  /**
   * A page of conversations, the most recently used first.
   * @param {{cursor?: string, limit?: number}} page the first one without `cursor`
   * @returns {Promise<Required<Wire.ConversationList>>} `nextCursor` is empty at the end
   */
  async conversations({ cursor = "", limit = 50 } = {}) {
    const query = new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) });
    /** @type {Wire.ConversationList} */
    const { conversations = [], nextCursor = "" } = await this.rest("GET", `/v1/conversations?${query}`);
    return { conversations, nextCursor };
  }

  /**
   * Groups that people whom this person does not know want them in; the newest first.
   * @returns {Promise<Wire.GroupInvitation[]>} there are at most 100
   */
  async invitations() {
    /** @type {Wire.GroupInvitationList} */
    const { invitations = [] } = await this.rest("GET", "/v1/invitations?limit=100");
    return invitations;
  }

  /**
   * Becomes a member.
   * @param {string} conversationId
   * @returns {Promise<Wire.Conversation>} the group
   */
  acceptInvitation(conversationId) {
    return this.rest("POST", `/v1/invitations/${encodeURIComponent(conversationId)}/accept`);
  }

  /**
   * Turns an invitation away, of which the inviter hears nothing.
   * @param {string} conversationId
   */
  async declineInvitation(conversationId) {
    await this.rest("POST", `/v1/invitations/${encodeURIComponent(conversationId)}/decline`);
  }

  /**
   * A page of messages, in order.
   * @param {string} conversationId
   * @param {{beforeSeq?: string | number, limit?: number}} page the newest ones without `beforeSeq`
   * @returns {Promise<Required<Wire.MessageList>>}
   */
  async messages(conversationId, { beforeSeq, limit = 50 } = {}) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (beforeSeq !== undefined) query.set("before_seq", String(beforeSeq));
    const path = `/v1/conversations/${encodeURIComponent(conversationId)}/messages?${query}`;
    /** @type {Wire.MessageList} */
    const { messages = [], hasMore = false } = await this.rest("GET", path);
    return { messages, hasMore };
  }

  /**
   * A page of the call history, the newest first.
   * @param {{cursor?: string, limit?: number, missed?: boolean}} page
   * @returns {Promise<Required<Wire.CallList>>} a record for each call
   */
  async callHistory({ cursor = "", limit = 30, missed = false } = {}) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (missed) query.set("missed", "true");
    if (cursor) query.set("cursor", cursor);
    /** @type {Wire.CallList} */
    const { calls = [], records = [], nextCursor = "" } = await this.rest("GET", `/v1/calls?${query}`);
    return { calls, records, nextCursor };
  }

  /**
   * How many missed calls nobody has looked at yet.
   * @returns {Promise<number>}
   */
  async unseenMissedCalls() {
    /** @type {Wire.MissedCalls} */
    const { unseen = 0 } = await this.rest("GET", "/v1/calls/missed");
    return unseen;
  }

  /**
   * Takes a missed call, and all that were missed before it, for seen.
   * @param {string} callId
   * @returns {Promise<number>} what is left
   */
  async markMissedCallsSeen(callId) {
    /** @type {Wire.MissedCalls} */
    const { unseen = 0 } = await this.rest("POST", "/v1/calls/missed/seen", { callId });
    return unseen;
  }

  /**
   * Where this person is signed in.
   * @returns {Promise<Wire.Session[]>}
   */
  async sessions() {
    /** @type {Wire.SessionList} */
    const { sessions = [] } = await this.rest("GET", "/v1/sessions");
    return sessions;
  }

  /**
   * Signs another device out.
   * @param {string} id
   */
  async revokeSession(id) {
    await this.rest("DELETE", `/v1/sessions/${encodeURIComponent(id)}`);
  }
}
