// What can be done about the other one of a conversation: a menu in its head.

import { verbsFor } from "./contact-book.js";
import { announce, el, focused, iconButton, toast } from "./dom.js";
import { nameOf } from "./format.js";
import { errorSentence, verbWords } from "./sentences.js";
import { changeStanding } from "./standing.js";

/** The button and its menu. */
export class ConversationMenu {
  #book;
  #user;
  #button;
  #menu;
  #stop = new AbortController();

  /**
   * @param {import("./contact-book.js").ContactBook} book
   * @param {Wire.User} user
   */
  constructor(book, user) {
    this.#book = book;
    this.#user = user;
    this.#button = iconButton("more", `Actions for ${nameOf(user)}`, {
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      testid: "conversation-menu",
      on: {
        click: () => (this.#isOpen ? this.#close() : this.#open()),
        keydown: (event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          this.#open();
        },
      },
    });
    this.#menu = el("div", {
      class: "menu",
      role: "menu",
      "aria-label": `Actions for ${nameOf(user)}`,
      testid: "conversation-menu-items",
      hidden: true,
      on: { keydown: (event) => this.#keyPressed(event) },
    });
    /** To be put on the page. */
    this.element = el("div", { class: "menu-place" }, this.#button, this.#menu);
    const { signal } = this.#stop;
    book.addEventListener("change", () => this.#isOpen && this.#draw(), { signal });
    document.addEventListener(
      "pointerdown",
      ({ target }) => {
        const isWithin = target instanceof Node && this.element.contains(target);
        if (this.#isOpen && !isWithin) this.#close({ keepsFocus: true });
      },
      { signal },
    );
  }

  /** Ends: another conversation is shown. */
  end() {
    this.#stop.abort();
  }

  get #isOpen() {
    return !this.#menu.hidden;
  }

  #open() {
    this.#menu.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    if (!this.#book.isLoaded) this.#book.load();
    this.#draw();
    this.#items[0]?.focus();
  }

  /** @param {{keepsFocus?: boolean}} how */
  #close({ keepsFocus = false } = {}) {
    this.#menu.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    if (!keepsFocus) this.#button.focus();
  }

  get #items() {
    return [...this.#menu.querySelectorAll("button")];
  }

  #draw() {
    const before = focused();
    const hadFocus = this.#menu.contains(before);
    this.#menu.replaceChildren(...this.#choices());
    if (!hadFocus) return;
    const same = this.#items.find((item) => item.dataset.testid === before?.dataset.testid);
    (same ?? this.#items[0] ?? this.#button).focus();
  }

  /** @returns {HTMLElement[]} */
  #choices() {
    const book = this.#book;
    if (!book.isLoaded) {
      if (!book.error) return [el("p", { class: "menu-note", text: "Loading…" })];
      const again = this.#item("Try again", "menu-retry", () => {
        book.load();
        this.#draw();
      });
      return [el("p", { class: "menu-note", role: "alert", text: errorSentence(book.error) }), again];
    }
    return verbsFor(book.standingOf(this.#user.id)).map((verb) =>
      this.#item(verbWords[verb].menu, `do-${verb}`, () => this.#do(verb), verb === "block" ? "danger" : ""),
    );
  }

  /**
   * @param {string} text
   * @param {string} testid
   * @param {() => void} action
   * @param {string} [classes]
   */
  #item(text, testid, action, classes = "") {
    return el("button", {
      type: "button",
      role: "menuitem",
      tabindex: "-1",
      class: classes,
      text,
      testid,
      on: { click: action },
    });
  }

  /** @param {import("./contact-book.js").Verb} verb */
  async #do(verb) {
    this.#close();
    try {
      const done = await changeStanding(this.#book, verb, this.#user);
      if (done) announce(done);
    } catch (error) {
      toast(errorSentence(error, "contact"));
    }
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    const items = this.#items;
    const place = items.findIndex((item) => item === document.activeElement);
    const at = (/** @type {number} */ index) => items.at(index % items.length)?.focus();
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowDown: () => at(place + 1),
      ArrowUp: () => at(place - 1),
      Home: () => at(0),
      End: () => at(-1),
      Escape: () => this.#close(),
    };
    const action = actions[event.key];
    // From the button on to what follows it.
    if (event.key === "Tab") this.#close();
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
}
