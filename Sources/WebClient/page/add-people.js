// Choosing whom to ring into a call.

import { avatar } from "./avatar.js";
import { byId, el, toast } from "./dom.js";
import { nameOf } from "./format.js";
import { errorSentence } from "./sentences.js";

/** How long to wait for the next letter, in milliseconds. */
const typingPauseMs = 220;
/** So many people at most are rung at a time. */
const addLimit = 32;

/** The dialog of one call. */
export class AddPeople {
  #client;
  #connection;
  #dialog = byId("add-people", HTMLDialogElement);
  /** @type {Map<string, Wire.User>} */
  #chosen = new Map();
  /** @type {Wire.User[]} */
  #found = [];
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #input = el("input", {
    type: "search",
    placeholder: "Find people",
    "aria-label": "Find people to add",
    autocomplete: "off",
    spellcheck: "false",
    testid: "add-search",
    on: { input: () => this.#typed() },
  });
  #list = el("ul", { class: "rows add-list" });
  #note = el("p", { class: "hint", role: "status" });
  #confirm = el("button", { type: "submit", class: "primary", text: "Add", disabled: true, testid: "add-confirm" });

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {import("../library/ringback.js").CallConnection} connection
   */
  constructor(client, connection) {
    this.#client = client;
    this.#connection = connection;
  }

  /** Shows it, with nobody chosen. */
  async open() {
    const close = { click: () => this.#dialog.close() };
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#chosen.clear();
    this.#input.value = "";
    this.#list.replaceChildren();
    this.#note.textContent = "";
    this.#drawConfirm();
    this.#dialog.replaceChildren(
      el(
        "form",
        { on: { submit: (event) => this.#add(event) } },
        el("h2", { id: "add-people-title", text: "Add people to the call" }),
        this.#input,
        this.#list,
        this.#note,
        el(
          "div",
          { class: "dialog-buttons" },
          el("button", { type: "button", class: "quiet", text: "Cancel", on: close }),
          this.#confirm,
        ),
      ),
    );
    this.#dialog.showModal();
    this.#input.focus();
    try {
      // Those one knows stand there at once.
      const known = (await this.#client.conversations()).conversations.flatMap(({ members = [] }) => members);
      if (!this.#input.value) this.#show([...new Map(known.map((user) => [user.id, user])).values()]);
    } catch {
      // They can still be found by name.
    }
  }

  /** Hides it. */
  close() {
    clearTimeout(this.#timer);
    if (this.#dialog.open) this.#dialog.close();
  }

  #typed() {
    clearTimeout(this.#timer);
    const query = this.#input.value.trim();
    const asked = ++this.#asked;
    if (!query) return;
    this.#timer = setTimeout(async () => {
      try {
        const users = await this.#client.searchUsers(query);
        if (asked === this.#asked) this.#show(users);
      } catch (error) {
        if (asked === this.#asked) this.#note.textContent = errorSentence(error);
      }
    }, typingPauseMs);
  }

  /** @param {Wire.User[]} users */
  #show(users) {
    const present = new Set(this.#connection.roster.filter(({ presence }) => presence !== "out").map((p) => p.user.id));
    const others = users.filter(({ id }) => id !== this.#client.user?.id && !present.has(id));
    // Who is chosen stays in sight.
    this.#found = [...this.#chosen.values(), ...others.filter(({ id }) => !this.#chosen.has(id))];
    this.#note.textContent = this.#found.length ? "" : "No one found by this name.";
    this.#list.replaceChildren(...this.#found.map((user) => this.#row(user)));
  }

  /** @param {Wire.User} user */
  #row(user) {
    const name = nameOf(user);
    /** @type {HTMLInputElement} */
    const box = el("input", {
      type: "checkbox",
      checked: this.#chosen.has(user.id),
      testid: `add-${user.username}`,
      on: { change: () => this.#choose(user, box.checked) },
    });
    const words = el(
      "span",
      { class: "row-text" },
      el("span", { class: "row-name", text: name }),
      el("span", { class: "row-detail", text: `@${user.username ?? ""}` }),
    );
    return el("li", {}, el("label", { class: "row" }, box, avatar(user, "small"), words));
  }

  /** @param {Wire.User} user @param {boolean} chosen */
  #choose(user, chosen) {
    if (chosen) this.#chosen.set(user.id, user);
    else this.#chosen.delete(user.id);
    this.#drawConfirm();
    if (this.#chosen.size > addLimit) this.#note.textContent = `At most ${addLimit} people at a time.`;
  }

  #drawConfirm() {
    const count = this.#chosen.size;
    this.#confirm.disabled = count === 0 || count > addLimit;
    this.#confirm.textContent = count > 1 ? `Add ${count} people` : "Add";
  }

  /** @param {SubmitEvent} event */
  async #add(event) {
    event.preventDefault();
    if (this.#confirm.disabled) return;
    const ids = [...this.#chosen.keys()];
    this.close();
    try {
      await this.#connection.controls.add(ids);
    } catch (error) {
      toast(errorSentence(error, "add"));
    }
  }
}
