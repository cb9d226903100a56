// Where this person is signed in.

import { askForNotifications, canAskForNotifications } from "./attention.js";
import { byId, el, toast } from "./dom.js";
import { when } from "./format.js";
import { icon } from "./icons.js";
import { errorSentence } from "./sentences.js";

export class Devices {
  #client;
  #panel = byId("panel-devices");

  /** @param {import("../library/ringback.js").RingbackClient} client */
  constructor(client) {
    this.#client = client;
  }

  /** Forgets everything. */
  clear() {
    this.#panel.replaceChildren();
  }

  /** Fetches the list. */
  async refresh() {
    try {
      const sessions = await this.#client.sessions();
      this.#draw(sessions.sort((one, other) => Number(other.current ?? false) - Number(one.current ?? false)));
    } catch (error) {
      this.#panel.replaceChildren(el("div", { class: "panel-note" }, el("p", { text: errorSentence(error) })));
    }
  }

  /** @param {Wire.Session[]} sessions */
  #draw(sessions) {
    /** @type {Node[]} */
    const nodes = [el("ul", { class: "rows" }, ...sessions.map((session) => this.#row(session)))];
    if (canAskForNotifications()) nodes.push(this.#notificationOffer());
    this.#panel.replaceChildren(...nodes);
  }

  #notificationOffer() {
    const ask = async () => {
      toast((await askForNotifications()) ? "Calls now ring here when this tab is hidden." : "Notifications stay off.");
      this.refresh();
    };
    return el(
      "div",
      { class: "panel-note" },
      el("p", { text: "Get notified of calls and messages while this tab is hidden." }),
      el("button", { type: "button", class: "quiet", text: "Turn notifications on", on: { click: ask } }),
    );
  }

  /** @param {Wire.Session} session */
  #row(session) {
    const name = session.device?.name || "A device";
    const detail = session.current ? "This device" : `Last used ${when(session.lastActivityAt) || "some time ago"}`;
    const revoke = async () => {
      button.disabled = true;
      try {
        await this.#client.revokeSession(session.id);
        toast(`${name} is signed out.`);
      } catch (error) {
        toast(errorSentence(error));
      }
      this.refresh();
    };
    const button = el("button", {
      type: "button",
      class: "quiet",
      text: "Sign out",
      "aria-label": `Sign out ${name}`,
      testid: "device-revoke",
      on: { click: revoke },
    });
    return el(
      "li",
      { class: "row device-row", testid: "device" },
      el("span", { class: "device-icon" }, icon("device")),
      el(
        "span",
        { class: "row-text" },
        el("span", { class: "row-name", text: name }),
        el("span", { class: "row-detail", text: [detail, session.ipAddress].filter(Boolean).join(" · ") }),
      ),
      !session.current && button,
    );
  }
}
