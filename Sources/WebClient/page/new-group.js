// Making a group: a name, and people found by name.

import { newId } from "../library/ringback.js";
import { byId, el, selectAny } from "./dom.js";
import { nameOf } from "./format.js";
import { errorSentence } from "./sentences.js";

/** How long to wait for the next letter, in milliseconds. */
const typingPauseMs = 220;

export class NewGroup {
  #client;
  #dialog = byId("new-group", HTMLDialogElement);
  #onMade;
  /** @type {Map<string, Wire.User>} */
  #chosen = new Map();
  #clientConversationId = "";
  #name = el("input", { maxlength: "100", required: true, autocomplete: "off", testid: "group-name" });
  #search = el("input", {
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    testid: "group-search",
    on: { input: () => this.#typed(), keydown: (event) => this.#keyPressed(event) },
  });
  #found = el("ul", { class: "rows", "aria-label": "People found" });
  #members = el("ul", { class: "chips", "aria-label": "In the group" });
  #error = el("p", { class: "form-error", role: "alert", testid: "group-error" });
  #submit = el("button", { class: "primary", type: "submit", text: "Create group", testid: "group-submit" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #asked = 0;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {{onMade: (conversation: Wire.Conversation) => void}} handlers
   */
  constructor(client, { onMade }) {
    this.#client = client;
    this.#onMade = onMade;
    client.addEventListener("signedout", () => this.#dialog.close());
  }

  /** Shows the form, empty. */
  open() {
    this.#chosen.clear();
    // One for each time that the form is opened: a second press makes no second group.
    this.#clientConversationId = newId();
    this.#name.value = "";
    this.#search.value = "";
    this.#found.replaceChildren();
    this.#members.replaceChildren();
    this.#error.textContent = "";
    const cancel = { type: "button", class: "quiet", text: "Cancel", on: { click: () => this.#dialog.close() } };
    this.#dialog.replaceChildren(
      el(
        "form",
        { on: { submit: (event) => this.#submitted(event) } },
        el("h2", { id: "new-group-title", text: "New group" }),
        el("label", {}, "Name", this.#name),
        el("label", {}, "Add people", this.#search),
        this.#found,
        this.#members,
        this.#error,
        el("div", { class: "dialog-buttons" }, el("button", cancel), this.#submit),
      ),
    );
    this.#dialog.showModal();
    this.#name.focus();
  }

  #keyPressed(/** @type {KeyboardEvent} */ event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    selectAny(this.#found, "button")?.click();
  }

  #typed() {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    const query = this.#search.value.trim();
    if (!query) {
      this.#found.replaceChildren();
      return;
    }
    this.#timer = setTimeout(async () => {
      try {
        const users = await this.#client.searchUsers(query);
        if (asked === this.#asked) this.#drawFound(users);
      } catch (error) {
        if (asked === this.#asked) this.#error.textContent = errorSentence(error);
      }
    }, typingPauseMs);
  }

  /** @param {Wire.User[]} users */
  #drawFound(users) {
    const others = users.filter((user) => user.id !== this.#client.user?.id && !this.#chosen.has(user.id));
    const row = (/** @type {Wire.User} */ user) =>
      el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            class: "row",
            testid: `group-add-${user.username}`,
            on: { click: () => this.#choose(user) },
          },
          el("span", { class: "row-name", text: nameOf(user) }),
          el("span", { class: "row-detail", text: `@${user.username}` }),
        ),
      );
    this.#found.replaceChildren(...others.slice(0, 6).map(row));
  }

  /** @param {Wire.User} user */
  #choose(user) {
    this.#chosen.set(user.id, user);
    this.#search.value = "";
    this.#found.replaceChildren();
    this.#drawMembers();
    this.#search.focus();
  }

  #drawMembers() {
    const chip = (/** @type {Wire.User} */ user) =>
      el(
        "li",
        { class: "chip" },
        nameOf(user),
        el("button", {
          type: "button",
          text: "×",
          "aria-label": `Remove ${nameOf(user)}`,
          on: {
            click: () => {
              this.#chosen.delete(user.id);
              this.#drawMembers();
            },
          },
        }),
      );
    this.#members.replaceChildren(...[...this.#chosen.values()].map(chip));
  }

  /** @param {SubmitEvent} event */
  async #submitted(event) {
    event.preventDefault();
    const name = this.#name.value.trim();
    if (!name || !this.#chosen.size) {
      this.#error.textContent = name ? "Add at least one person." : "Give the group a name.";
      return;
    }
    this.#submit.disabled = true;
    try {
      const group = { clientConversationId: this.#clientConversationId, name, memberIds: [...this.#chosen.keys()] };
      const conversation = await this.#client.makeGroup(group);
      this.#dialog.close();
      this.#onMade(conversation);
    } catch (error) {
      this.#error.textContent = errorSentence(error);
    } finally {
      this.#submit.disabled = false;
    }
  }
}
