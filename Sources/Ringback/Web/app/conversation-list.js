// The conversations, the most recently used first.

import { uint64 } from "../ringback.js";
import { avatar } from "./avatar.js";
import { showUnread } from "./attention.js";
import { byId, el } from "./dom.js";
import { titleOf, when } from "./format.js";
import { errorSentence, messageLine } from "./sentences.js";

export class ConversationList {
  #client;
  #panel = byId("panel-chats");
  #conversations = new Map();
  #onOpen;
  #openId = null;
  #loading = null;
  #stale = false;
  #failure = "";

  /**
   * @param {import("../ringback.js").RingbackClient} client
   * @param {{onOpen: (conversation: object) => void}} handlers
   */
  constructor(client, { onOpen }) {
    this.#client = client;
    this.#onOpen = onOpen;
    client.addEventListener("message", ({ detail }) => this.#took(detail.message));
    client.addEventListener("sent", ({ detail }) => this.#took(detail.message));
    // A first call makes a conversation too.
    client.addEventListener("call", ({ detail: { call } }) => {
      if (call.conversationId && !this.#conversations.has(call.conversationId)) this.refresh();
    });
  }

  /** Fetches the list. One request at a time; what is asked meanwhile makes one more. */
  refresh() {
    if (this.#loading) {
      this.#stale = true;
      return this.#loading;
    }
    this.#loading = this.#fetch().finally(() => {
      this.#loading = null;
      if (this.#stale) {
        this.#stale = false;
        this.refresh();
      }
    });
    return this.#loading;
  }

  async #fetch() {
    try {
      const list = await this.#client.conversations();
      this.#conversations = new Map(list.map((conversation) => [conversation.id, conversation]));
      this.#failure = "";
    } catch (error) {
      this.#failure = errorSentence(error);
    }
    this.#draw();
  }

  /** Forgets everything. */
  clear() {
    this.#conversations.clear();
    this.#openId = null;
    showUnread(0);
    this.#panel.replaceChildren();
  }

  /** Adds a conversation that was just opened. */
  add(conversation) {
    if (!this.#conversations.has(conversation.id)) this.#conversations.set(conversation.id, conversation);
    this.#draw();
  }

  /** Marks the one on show. @param {string | null} id */
  select(id) {
    this.#openId = id;
    this.#draw();
  }

  /** The members of a conversation that are not this person. */
  peer(conversation) {
    return conversation.members?.find((member) => member.id !== this.#client.user?.id) ?? this.#client.user;
  }

  /** What a group is called: its name; empty for one without, and for a conversation between two. */
  titleOf(conversationId) {
    return this.#conversations.get(conversationId)?.name ?? "";
  }

  /** A conversation of the list. @returns {object | undefined} */
  get(conversationId) {
    return this.#conversations.get(conversationId);
  }

  /** Remembers how far somebody has read on this device. */
  seen(id, seq) {
    if (document.visibilityState !== "visible" || seq <= this.#seenSeq(id)) return;
    this.#storage?.setItem(this.#seenKey(id), String(seq));
    this.#draw();
  }

  get #storage() {
    try {
      return globalThis.localStorage;
    } catch {
      return null;
    }
  }

  #seenKey(id) {
    return `${this.#client.namespace}:seen:${id}`;
  }

  #seenSeq(id) {
    return uint64(this.#storage?.getItem(this.#seenKey(id)) ?? 0);
  }

  #took(message) {
    const conversation = this.#conversations.get(message.conversationId);
    // Somebody has made a group, or has come, gone, or been sent away.
    const isOfMembers = message.type === "MESSAGE_TYPE_SYSTEM" && !message.call;
    if (!conversation || isOfMembers) {
      this.refresh();
      return;
    }
    if (uint64(message.seq) <= uint64(conversation.lastSeq)) return;
    this.#conversations.delete(conversation.id);
    const moved = { ...conversation, lastSeq: message.seq, lastMessage: message };
    this.#conversations = new Map([[moved.id, moved], ...this.#conversations]);
    if (message.senderId === this.#client.user.id) this.seen(moved.id, uint64(message.seq));
    this.#draw();
  }

  #isUnread(conversation) {
    return (
      uint64(conversation.lastSeq) > this.#seenSeq(conversation.id) &&
      conversation.lastMessage?.senderId !== this.#client.user?.id &&
      !!conversation.lastMessage
    );
  }

  #draw() {
    const all = [...this.#conversations.values()];
    showUnread(all.filter((conversation) => this.#isUnread(conversation)).length);
    if (this.#failure && !all.length) {
      this.#panel.replaceChildren(
        el(
          "div",
          { class: "panel-note" },
          el("p", { text: this.#failure }),
          this.#button("Try again", () => this.refresh()),
        ),
      );
      return;
    }
    if (!all.length) {
      const find = () => byId("people-search").focus();
      this.#panel.replaceChildren(
        el(
          "div",
          { class: "panel-note" },
          el("p", { text: "No conversations yet. Find somebody by name to begin one." }),
          this.#button("Find people", find),
        ),
      );
      return;
    }
    const focused = document.activeElement?.dataset?.id;
    this.#panel.replaceChildren(el("ul", { class: "rows" }, ...all.map((conversation) => this.#row(conversation))));
    if (focused) this.#panel.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  #button(text, action) {
    return el("button", { type: "button", class: "quiet", text, on: { click: action } });
  }

  #row(conversation) {
    const group = conversation.type === "CONVERSATION_TYPE_GROUP";
    const name = titleOf(conversation, this.#client.user.id);
    const peer = group ? { id: conversation.id, displayName: name } : this.peer(conversation);
    const last = conversation.lastMessage;
    const unread = this.#isUnread(conversation) && conversation.id !== this.#openId;
    const own = last?.senderId === this.#client.user.id ? "You: " : "";
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: `row${unread ? " unread" : ""}`,
          "aria-current": conversation.id === this.#openId ? "true" : null,
          "data-id": conversation.id,
          testid: `conversation-${group ? name : peer.username}`,
          on: { click: () => this.#onOpen(conversation) },
        },
        avatar(peer),
        el(
          "span",
          { class: "row-text" },
          el("span", { class: "row-name", text: name }),
          el("span", {
            class: "row-detail",
            text: last ? own + messageLine(last, this.#client.user.id) : "No messages yet",
          }),
        ),
        el(
          "span",
          { class: "row-side" },
          el("time", { text: when(last?.createdAt ?? conversation.createdAt) }),
          unread && el("span", { class: "dot" }, el("span", { class: "visually-hidden", text: "unread" })),
        ),
      ),
    );
  }
}
