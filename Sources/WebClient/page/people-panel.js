// Who is in a call, who wants to come in, and what one may do about it.

import { avatar } from "./avatar.js";
import { announce, el, focused, iconButton, selectAny, toast } from "./dom.js";
import { nameOf } from "./format.js";
import { callPowers, lobbyOf, powersOver } from "../library/ringback.js";
import { errorSentence, powerWords, presenceWords } from "./sentences.js";

/** @typedef {import("../library/group-controls.js").GroupControls} Controls */
/** @typedef {import("../library/roster.js").RosterEntry} RosterEntry */
/** @typedef {import("../library/roster.js").Power} Power */
/** @typedef {(controls: Controls) => Promise<unknown>} Action what a button does */

/** The side of a group call that lists people. */
export class PeoplePanel {
  #client;
  #connection;
  /** @type {string | null} */
  #openMenu = null;
  #drawn = "";
  #waiting = 0;
  #body = el("div", { class: "people-body" });

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {import("../library/ringback.js").CallConnection} connection
   * @param {{onClose: () => void}} handlers
   */
  constructor(client, connection, { onClose }) {
    this.#client = client;
    this.#connection = connection;
    /** To be put on the page. */
    this.element = el(
      "aside",
      { class: "call-people", "aria-label": "People in the call", testid: "people-panel", hidden: true },
      el(
        "header",
        {},
        el("h3", { text: "People" }),
        iconButton("close", "Close the list", { testid: "people-close", on: { click: onClose } }),
      ),
      this.#body,
    );
  }

  /** How many wait to be let in by this person. */
  get waiting() {
    return lobbyOf(this.#connection.call, this.#client.user?.id).length;
  }

  draw() {
    const { call, roster } = this.#connection;
    const me = this.#client.user?.id;
    const lobby = lobbyOf(call, me);
    if (lobby.length > this.#waiting) announce(`${nameOf(lobby[lobby.length - 1])} is waiting to be let in`);
    this.#waiting = lobby.length;
    const powers = callPowers(call, me);
    // Who waits at the door stands there alone.
    const listed = roster.filter(({ presence, user }) => presence !== "out" || !lobby.some(({ id }) => id === user.id));
    const rows = listed.map((entry) => ({ entry, powers: powersOver(call, me, entry.user.id) }));
    const drawn = JSON.stringify([rows, powers, lobby, call?.locked, this.#openMenu]);
    // Left alone while it is the same, so that a menu keeps its place and the focus.
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const at = focused()?.dataset.key;
    this.#body.replaceChildren(
      ...(lobby.length ? [this.#lobby(lobby)] : []),
      el("ul", { class: "people-list" }, ...rows.map((row) => this.#row(row.entry, row.powers))),
      this.#forAll(powers, call),
    );
    if (at) selectAny(this.#body, `[data-key="${CSS.escape(at)}"]`)?.focus();
  }

  /**
   * @param {string} text
   * @param {string} key
   * @param {Action} action
   * @param {string} [classes]
   */
  #button(text, key, action, classes = "quiet") {
    return el("button", {
      type: "button",
      class: classes,
      text,
      "data-key": key,
      testid: key,
      on: { click: () => this.#attempt(action) },
    });
  }

  /** @param {Action} action */
  async #attempt(action) {
    try {
      await action(this.#connection.controls);
    } catch (error) {
      toast(errorSentence(error, "group"));
    }
  }

  /** @param {Wire.User[]} lobby */
  #lobby(lobby) {
    const row = (/** @type {Wire.User} */ user) =>
      el(
        "li",
        { class: "lobby-row", testid: `lobby-${user.username}` },
        avatar(user, "small"),
        el("span", { class: "person-name", text: nameOf(user) }),
        this.#named(`Let ${nameOf(user)} in`, "Let in", `admit-${user.username}`, "primary", (controls) =>
          controls.admit(user.id, true),
        ),
        this.#named(`Do not let ${nameOf(user)} in`, "Deny", `deny-${user.username}`, "quiet", (controls) =>
          controls.admit(user.id, false),
        ),
      );
    return el(
      "section",
      { class: "lobby", "aria-label": "Waiting to be let in", testid: "lobby" },
      el("h4", { text: "Waiting to be let in" }),
      el("ul", {}, ...lobby.map(row)),
    );
  }

  /**
   * A button whose name says more than its text.
   * @param {string} label
   * @param {string} text
   * @param {string} key
   * @param {string} classes
   * @param {Action} action
   */
  #named(label, text, key, classes, action) {
    const button = this.#button(text, key, action, classes);
    button.setAttribute("aria-label", label);
    return button;
  }

  /** @param {RosterEntry} entry @param {Power[]} powers */
  #row(entry, powers) {
    const { user } = entry;
    const name = nameOf(user);
    const who = user.username ?? user.id;
    const isOpen = this.#openMenu === user.id && powers.length > 0;
    const more = iconButton("more", `Actions for ${name}`, {
      "aria-expanded": String(isOpen),
      "data-key": `more-${who}`,
      testid: `more-${who}`,
      on: {
        click: () => {
          this.#openMenu = isOpen ? null : user.id;
          this.draw();
        },
      },
    });
    const words = presenceWords(entry);
    return el(
      "li",
      { class: `person ${entry.presence}`, testid: `person-in-call-${who}` },
      avatar(user, "small"),
      el(
        "span",
        { class: "person-text" },
        el("span", { class: "person-name", text: entry.isMe ? `${name} (you)` : name }),
        el("span", { class: "person-state", text: words }),
      ),
      powers.length > 0 && more,
      isOpen && this.#menu(user, powers),
    );
  }

  /** @param {Wire.User} user @param {Power[]} powers */
  #menu(user, powers) {
    const close = () => {
      this.#openMenu = null;
      this.draw();
    };
    const on = {
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
        selectAny(this.#body, `[data-key="more-${CSS.escape(user.username ?? user.id)}"]`)?.focus();
      },
    };
    const action = (/** @type {Power} */ power) => (/** @type {Controls} */ controls) => {
      close();
      return carryOut(controls, power, user.id);
    };
    return el(
      "div",
      { class: "person-menu", role: "group", "aria-label": `Actions for ${nameOf(user)}`, on },
      ...powers.map((power) =>
        this.#button(powerWords[power], `do-${power}`, action(power), power === "bar" ? "quiet danger" : "quiet"),
      ),
    );
  }

  /** @param {ReturnType<typeof callPowers>} powers @param {Wire.Call | null} call */
  #forAll(powers, call) {
    const lock = call?.locked
      ? this.#button("Unlock the call", "call-lock", (controls) => controls.lock(false))
      : this.#button("Lock the call", "call-lock", (controls) => controls.lock(true));
    return el(
      "div",
      { class: "people-actions" },
      powers.lock && lock,
      powers.muteAll && this.#button("Mute everybody", "mute-all", (controls) => controls.stopMedia("", "MICROPHONE")),
      powers.end && this.#button("End for everybody", "end-for-all", (controls) => controls.end(), "quiet danger"),
    );
  }
}

/**
 * @param {Controls} controls
 * @param {Power} power
 * @param {string} userId
 */
function carryOut(controls, power, userId) {
  switch (power) {
    case "mute":
      return controls.stopMedia(userId, "MICROPHONE");
    case "stopCamera":
      return controls.stopMedia(userId, "CAMERA");
    case "stopScreen":
      return controls.stopMedia(userId, "SCREEN");
    case "lowerHand":
      return controls.raiseHand(false, userId);
    case "makeHost":
      return controls.setRole(userId, "HOST");
    case "makeCoHost":
      return controls.setRole(userId, "CO_HOST");
    case "makeParticipant":
      return controls.setRole(userId, "PARTICIPANT");
    case "ringAgain":
      return controls.add([userId]);
    default:
      return controls.remove(userId, { bar: power === "bar" });
  }
}
