// The conversations, the most recently used first.

import { uint64 } from "../library/ringback.js";
import { avatar } from "./avatar.js";
import { showUnread } from "./attention.js";
import { ConversationPages } from "./conversation-pages.js";
import { byId, el, focused, selectAny, toast } from "./dom.js";
import { titleOf, when } from "./format.js";
import { errorSentence, messageLine } from "./sentences.js";

/** How near to the end older ones are loaded, in pixels. */
const nearEnd = 400;

export class ConversationList {
  #client;
  #panel = byId("conversations");
  #pages;
  #onOpen;
  #onLoaded;
  /** @type {string | null} */
  #openId = null;
  #failure = "";

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {{onOpen: (conversation: Wire.Conversation) => void, onLoaded: () => void}} handlers
   */
  constructor(client, { onOpen, onLoaded }) {
    this.#client = client;
    this.#onOpen = onOpen;
    this.#onLoaded = onLoaded;
    this.#pages = new ConversationPages((page) => client.conversations(page));
    const scroller = byId("panel-chats");
    scroller.addEventListener("scroll", () => {
      if (scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < nearEnd) this.#loadMore();
    });
    client.addEventListener("message", ({ detail }) => this.take(detail.message));
    // A first call makes a conversation too.
    client.addEventListener("call", ({ detail: { call } }) => {
      if (call.conversationId && !this.#pages.get(call.conversationId)) this.refresh();
    });
  }

  /** Fetches the list anew, as far as it was loaded. */
  async refresh() {
    try {
      await this.#pages.reload();
      this.#failure = "";
      this.#onLoaded();
    } catch (error) {
      this.#failure = errorSentence(error);
    }
    this.#draw();
  }

  async #loadMore() {
    if (!this.#pages.hasMore) return;
    try {
      await this.#pages.loadMore();
    } catch (error) {
      toast(errorSentence(error));
    }
    this.#draw();
  }

  /** Forgets everything. */
  clear() {
    this.#pages.clear();
    this.#openId = null;
    showUnread(0);
    this.#panel.replaceChildren();
  }

  /**
   * Adds a conversation that was just opened.
   * @param {Wire.Conversation} conversation
   */
  add(conversation) {
    this.#pages.add(conversation);
    this.#draw();
  }

  /**
   * Marks the one on show.
   * @param {string | null} id
   */
  select(id) {
    this.#openId = id;
    this.#draw();
  }

  /**
   * The members of a conversation that are not this person.
   * @param {Wire.Conversation} conversation
   */
  peer(conversation) {
    const { user, userId } = this.#client;
    return conversation.members?.find((member) => member.id !== userId) ?? user ?? undefined;
  }

  /**
   * What a group is called: its name; empty for one without, and for a conversation between two.
   * @param {string} conversationId
   */
  titleOf(conversationId) {
    return this.#pages.get(conversationId)?.name ?? "";
  }

  /**
   * A conversation of the list.
   * @param {string} conversationId
   * @returns {Wire.Conversation | undefined}
   */
  get(conversationId) {
    return this.#pages.get(conversationId);
  }

  /**
   * Remembers how far somebody has read on this device.
   * @param {string} id
   * @param {bigint} seq
   */
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

  /** @param {string} id */
  #seenKey(id) {
    return `${this.#client.namespace}:seen:${id}`;
  }

  /** @param {string} id */
  #seenSeq(id) {
    return uint64(this.#storage?.getItem(this.#seenKey(id)) ?? 0);
  }

  /**
   * Takes a message that has come, or was sent from here.
   * @param {Wire.Message} message
   */
  take(message) {
    // Somebody has made a group, or has come, gone, or been sent away.
    const isOfMembers = message.type === "MESSAGE_TYPE_SYSTEM" && !message.call;
    if (!this.#pages.get(message.conversationId) || isOfMembers) {
      this.refresh();
      return;
    }
    if (!this.#pages.take(message)) return;
    if (message.senderId === this.#client.userId) this.seen(message.conversationId, uint64(message.seq));
    this.#draw();
  }

  /** @param {Wire.Conversation} conversation */
  #isUnread(conversation) {
    return (
      uint64(conversation.lastSeq) > this.#seenSeq(conversation.id) &&
      conversation.lastMessage?.senderId !== this.#client.user?.id &&
      !!conversation.lastMessage
    );
  }

  #draw() {
    if (!this.#client.user) return;
    const all = this.#pages.list;
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
      const find = () => byId("people-search", HTMLInputElement).focus();
      this.#panel.replaceChildren(
        el(
          "div",
          { class: "panel-note" },
          el("p", { text: "No conversations yet. Find somebody by name to start one." }),
          this.#button("Find people", find),
        ),
      );
      return;
    }
    const at = focused()?.dataset.id;
    const older = () => this.#loadMore();
    this.#panel.replaceChildren(
      el("ul", { class: "rows" }, ...all.map((conversation) => this.#row(conversation))),
      ...(this.#pages.hasMore
        ? [el("button", { type: "button", class: "quiet more", text: "Older conversations", on: { click: older } })]
        : []),
    );
    if (at) selectAny(this.#panel, `[data-id="${CSS.escape(at)}"]`)?.focus();
  }

  /** @param {string} text @param {() => void} action */
  #button(text, action) {
    return el("button", { type: "button", class: "quiet", text, on: { click: action } });
  }

  /** @param {Wire.Conversation} conversation */
  #row(conversation) {
    const group = conversation.type === "CONVERSATION_TYPE_GROUP";
    const name = titleOf(conversation, this.#client.userId);
    const peer = group ? { id: conversation.id, displayName: name } : this.peer(conversation);
    const last = conversation.lastMessage;
    const unread = this.#isUnread(conversation) && conversation.id !== this.#openId;
    const own = last?.senderId === this.#client.userId ? "You: " : "";
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
          testid: `conversation-${group ? name : peer?.username}`,
          on: { click: () => this.#onOpen(conversation) },
        },
        avatar(peer),
        el(
          "span",
          { class: "row-text" },
          el("span", { class: "row-name", text: name }),
          el("span", {
            class: "row-detail",
            text: last ? own + messageLine(last, this.#client.userId) : "No messages yet",
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
