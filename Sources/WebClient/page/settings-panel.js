// How one wants to be called, one's contacts and their requests, and who is blocked.

import { avatar } from "./avatar.js";
import { verbsFor } from "./contact-book.js";
import { byId, el, focused, iconButton, selectAny } from "./dom.js";
import { nameOf } from "./format.js";
import { errorSentence, verbWords } from "./sentences.js";
import { changeStanding } from "./standing.js";

/** @type {[import("../library/contacts.js").WhoCanCall, string][]} */
const whoCanCall = [
  ["everyone", "Everyone"],
  ["contacts", "My contacts"],
  ["nobody", "Nobody"],
];

/** @typedef {import("./contact-book.js").ContactBook} ContactBook */
/** @typedef {import("./contact-book.js").Verb} Verb */
/** @typedef {{key: string, title: string, people: (book: ContactBook) => Wire.User[], none?: string}} PeopleList */

/**
 * The lists of people, in order. Those without `none` are left out when they are empty.
 * @type {PeopleList[]}
 */
const lists = [
  { key: "received", title: "Contact requests", people: (book) => book.contacts("received") },
  {
    key: "accepted",
    title: "Contacts",
    people: (book) => book.contacts("accepted"),
    none: "No contacts yet. Open a conversation and add the person from the menu at the top.",
  },
  { key: "requested", title: "Requests sent", people: (book) => book.contacts("requested") },
  { key: "blocked", title: "Blocked", people: (book) => book.blocked, none: "No one is blocked." },
];

/** The dialog. */
export class SettingsPanel {
  #book;
  #settings;
  #dialog = byId("settings", HTMLDialogElement);
  #calls = el("section", { class: "settings-section", "aria-labelledby": "settings-calls" });
  #people = el("div", { class: "settings-people" });
  #status = el("p", { class: "settings-status", role: "status", testid: "settings-status" });
  #error = el("p", { class: "form-error", role: "alert", testid: "settings-error" });

  /**
   * @param {import("./contact-book.js").ContactBook} book
   * @param {import("./call-settings.js").CallSettings} settings
   */
  constructor(book, settings) {
    this.#book = book;
    this.#settings = settings;
    const close = iconButton("close", "Close the settings", {
      testid: "settings-close",
      on: { click: () => this.close() },
    });
    this.#dialog.append(
      el("header", {}, el("h2", { id: "settings-title", text: "Settings", tabindex: "-1", autofocus: true }), close),
      el("div", { class: "settings-body" }, this.#calls, this.#people),
      el("footer", {}, this.#error, this.#status),
    );
    settings.addEventListener("change", () => this.#dialog.open && this.#settingsChanged());
    book.addEventListener("change", () => this.#dialog.open && this.#drawPeople());
  }

  /** Shows it, with what the server has now. */
  open() {
    if (this.#dialog.open) return;
    this.#say("", "");
    this.#settings.load();
    this.#book.load();
    this.#dialog.showModal();
    this.#drawCalls();
    this.#drawPeople();
  }

  /** Hides it. The focus goes back to where it was. */
  close() {
    this.#dialog.close();
  }

  /** @param {string} status @param {string} error */
  #say(status, error) {
    this.#status.textContent = status;
    this.#error.textContent = error;
  }

  // ------------------------------------------------------------------------------------------- calls

  #settingsChanged() {
    const { shown, error, isGivenUp, isSaved, isWorking } = this.#settings;
    if (shown && error) this.#say("", `${isGivenUp ? "Not saved. " : ""}${errorSentence(error)}`);
    else if (isSaved) this.#say(isWorking ? "Saving…" : "Saved.", "");
    this.#drawCalls();
  }

  #drawCalls() {
    const settings = this.#settings;
    const { shown } = settings;
    /** @type {Node[]} */
    const nodes = [el("h3", { id: "settings-calls", text: "Calls" })];
    if (shown) {
      nodes.push(this.#waiting(shown.callWaiting), this.#who(shown.whoCanCall));
    } else if (settings.error) {
      nodes.push(...this.#failure(settings));
    } else nodes.push(loading());
    this.#redraw(this.#calls, nodes);
    this.#calls.setAttribute("aria-busy", String(settings.isWorking));
  }

  /** @param {boolean} on */
  #waiting(on) {
    /** @type {HTMLInputElement} */
    const box = el("input", {
      type: "checkbox",
      role: "switch",
      class: "switch",
      checked: on,
      "aria-describedby": "call-waiting-hint",
      "data-key": "call-waiting",
      testid: "call-waiting",
      on: { change: () => this.#settings.change({ callWaiting: box.checked }) },
    });
    return el(
      "label",
      { class: "setting" },
      el(
        "span",
        {},
        "Call waiting",
        el("span", {
          class: "hint",
          id: "call-waiting-hint",
          text: "A second call rings while you are in one. Without it, the caller is told that you are busy.",
        }),
      ),
      box,
    );
  }

  /** @param {import("../library/contacts.js").WhoCanCall} chosen */
  #who(chosen) {
    const choice = (/** @type {(typeof whoCanCall)[number]} */ [value, text]) =>
      el(
        "label",
        { class: "choice-line" },
        el("input", {
          type: "radio",
          name: "who-can-call",
          value,
          checked: value === chosen,
          "data-key": `who-${value}`,
          testid: `who-${value}`,
          on: { change: () => this.#settings.change({ whoCanCall: value }) },
        }),
        text,
      );
    return el(
      "fieldset",
      { class: "setting-choices", "aria-describedby": "who-can-call-hint" },
      el("legend", { text: "Who can call me" }),
      ...whoCanCall.map(choice),
      el("p", {
        class: "hint",
        id: "who-can-call-hint",
        text: "Other calls do not ring. The callers are not told; to them it looks as if you do not answer.",
      }),
    );
  }

  // ------------------------------------------------------------------------------------------ people

  #drawPeople() {
    const book = this.#book;
    const shown = book.isLoaded ? lists.map((list) => this.#list(list)) : [];
    const failure = book.error ? this.#failure(book) : [];
    this.#redraw(this.#people, shown.length || failure.length ? [...failure, ...shown] : [loading()]);
    this.#people.setAttribute("aria-busy", String(book.isLoading));
  }

  /** @param {PeopleList} list */
  #list({ key, title, people, none }) {
    const users = people(this.#book);
    if (!users.length && !none) return null;
    const id = `settings-${key}`;
    return el(
      "section",
      { class: "settings-section", "aria-labelledby": id, "data-list": key, testid: `settings-${key}` },
      el("h3", { id, tabindex: "-1" }, title, users.length > 0 && el("span", { class: "tally", text: users.length })),
      users.length
        ? el("ul", {}, ...users.map((user) => this.#row(key, user)))
        : el("p", { class: "hint", text: none }),
    );
  }

  /** @param {string} key @param {Wire.User} user */
  #row(key, user) {
    // Blocking belongs to the conversation, where it can be seen who that is.
    const verbs = verbsFor(this.#book.standingOf(user.id)).filter((verb) => verb !== "block");
    return el(
      "li",
      { class: "person-row", testid: `${key}-${user.username}` },
      avatar(user, "small"),
      el(
        "span",
        { class: "row-text" },
        el("span", { class: "row-name", text: nameOf(user) }),
        el("span", { class: "row-detail", text: `@${user.username ?? ""}` }),
      ),
      ...verbs.map((verb) => this.#button(verb, user)),
    );
  }

  /** @param {Verb} verb @param {Wire.User} user */
  #button(verb, user) {
    const name = `${verb}-${user.username ?? user.id}`;
    return el("button", {
      type: "button",
      class: verb === "accept" ? "primary" : "quiet",
      text: verbWords[verb].button,
      "aria-label": `${verbWords[verb].button} ${nameOf(user)}`,
      // Not disabled: the focus would be lost.
      "aria-disabled": this.#book.isBusy(user.id) ? "true" : null,
      "data-key": name,
      testid: name,
      on: { click: () => this.#do(verb, user) },
    });
  }

  /** @param {Verb} verb @param {Wire.User} user */
  async #do(verb, user) {
    if (this.#book.isBusy(user.id)) return;
    this.#say("", "");
    try {
      this.#say(await changeStanding(this.#book, verb, user), "");
    } catch (error) {
      this.#say("", errorSentence(error, "contact"));
    }
  }

  // ------------------------------------------------------------------------------------------ drawing

  /** @param {{error: unknown, load: () => unknown}} part */
  #failure(part) {
    return [
      el("p", { class: "form-error", role: "alert", text: errorSentence(part.error) }),
      el("button", {
        type: "button",
        class: "quiet",
        text: "Try again",
        "data-key": "retry",
        testid: "settings-retry",
        on: { click: () => part.load() },
      }),
    ];
  }

  /**
   * Draws anew and keeps the focus: on the same button, else at the head of the list that it was in.
   * @param {HTMLElement} place
   * @param {(Node | null)[]} nodes
   */
  #redraw(place, nodes) {
    const before = focused();
    const hadFocus = place.contains(before);
    const key = before?.dataset.key;
    const list = before?.closest("[data-list]")?.getAttribute("data-list");
    place.replaceChildren(...nodes.flatMap((node) => node ?? []));
    if (!hadFocus) return;
    const same = key && selectAny(place, `[data-key="${CSS.escape(key)}"]`);
    const head = list && selectAny(place, `[data-list="${list}"] h3`);
    (same || head || byId("settings-title")).focus();
  }
}

function loading() {
  return el("p", { class: "hint", role: "status", text: "Loading…", testid: "settings-loading" });
}
