// Finding people by name.

import { avatar } from "./avatar.js";
import { byId, el, selectAny, toast } from "./dom.js";
import { nameOf } from "./format.js";
import { errorSentence } from "./sentences.js";

/** How long to wait for the next letter, in milliseconds. */
const typingPauseMs = 220;

export class People {
  #client;
  #input = byId("people-search", HTMLInputElement);
  #panel = byId("panel-people");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #asked = 0;
  #onOpen;
  #onSearching;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {{onOpen: (conversation: Wire.Conversation) => void, onSearching: (searching: boolean) => void}} handlers
   */
  constructor(client, { onOpen, onSearching }) {
    this.#client = client;
    this.#onOpen = onOpen;
    this.#onSearching = onSearching;
    this.#input.addEventListener("input", () => this.#typed());
    this.#input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        selectAny(this.#panel, "button")?.focus();
      }
    });
  }

  /** Ends the search. */
  close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#input.value = "";
    this.#onSearching(false);
  }

  #typed() {
    clearTimeout(this.#timer);
    const query = this.#input.value.trim();
    if (!query) {
      this.close();
      return;
    }
    this.#onSearching(true);
    this.#timer = setTimeout(() => this.#search(query), typingPauseMs);
  }

  /** @param {string} query */
  async #search(query) {
    const asked = ++this.#asked;
    try {
      const users = (await this.#client.searchUsers(query)).filter((user) => user.id !== this.#client.userId);
      if (asked === this.#asked) this.#draw(query, users);
    } catch (error) {
      if (asked === this.#asked) this.#note(errorSentence(error));
    }
  }

  /** @param {string} text */
  #note(text) {
    this.#panel.replaceChildren(el("div", { class: "panel-note", role: "status" }, el("p", { text })));
  }

  /** @param {string} query @param {Wire.User[]} users */
  #draw(query, users) {
    if (!users.length) {
      this.#note(`No one found for “${query}”. Try the beginning of a name.`);
      return;
    }
    const row = (/** @type {Wire.User} */ user) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "row", testid: `person-${user.username}`, on: { click: () => this.#open(user) } },
          avatar(user),
          el(
            "span",
            { class: "row-text" },
            el("span", { class: "row-name", text: nameOf(user) }),
            el("span", { class: "row-detail", text: `@${user.username}` }),
          ),
        ),
      );
    this.#panel.replaceChildren(el("ul", { class: "rows" }, ...users.map(row)));
  }

  /** @param {Wire.User} user */
  async #open(user) {
    try {
      const conversation = await this.#client.openConversation(user.id);
      this.close();
      this.#onOpen(conversation);
    } catch (error) {
      toast(errorSentence(error));
    }
  }
}
