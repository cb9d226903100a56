// What is seen and heard of a call among many: a tile for everybody, and a shared screen above them.

import { avatar } from "./avatar.js";
import { attach, play, videoElement } from "./direct-stage.js";
import { el, sync } from "./dom.js";
import { listOfNames, nameOf } from "./format.js";
import { icon } from "./icons.js";
import { presenceWords } from "./sentences.js";

/** @typedef {import("../library/roster.js").RosterEntry} RosterEntry */
/** @typedef {import("../library/ringback.js").CallConnection} CallConnection */

/** The tiles of one call. */
export class GroupStage {
  #connection;
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  #onSilenced;

  /**
   * @param {import("../library/ringback.js").CallConnection} connection
   * @param {{onSilenced: (silenced: boolean) => void}} handlers `silenced`: the browser wants a touch before it plays
   */
  constructor(connection, { onSilenced }) {
    this.#connection = connection;
    this.#onSilenced = onSilenced;
    this.screen = videoElement("remote-screen");
    this.sharer = el("p", { class: "sharer" });
    this.shared = el("div", { class: "shared", hidden: true }, this.screen, this.sharer);
    this.grid = el("ul", { class: "tiles", "aria-label": "In the call", testid: "tiles" });
    /** To be put on the page. */
    this.element = el("div", { class: "stage group-stage" }, this.shared, this.grid);
  }

  /** @returns {"group"} */
  draw() {
    const connection = this.#connection;
    const entries = connection.roster.filter(({ presence }) => presence !== "out");
    const shown = connection.state !== "ended" && !connection.onHold;
    for (const [id, tile] of [...this.#tiles]) {
      if (entries.some(({ user }) => user.id === id)) continue;
      tile.close();
      this.#tiles.delete(id);
    }
    const tiles = entries.map((entry) => {
      const { id } = entry.user;
      const tile = this.#tiles.get(id) ?? new Tile(entry, this.#onSilenced);
      this.#tiles.set(id, tile);
      tile.draw(entry, connection, shown);
      return tile.element;
    });
    sync(this.grid, tiles);
    this.grid.dataset.count = String(Math.min(tiles.length, 9));
    this.#drawScreen(entries, shown);
    return "group";
  }

  /** @param {RosterEntry[]} entries @param {boolean} shown */
  #drawScreen(entries, shown) {
    const connection = this.#connection;
    const sharer = entries.find(({ user, isMe }) => !isMe && connection.mediaOf(user.id)?.showsScreen);
    attach(this.screen, sharer ? connection.mediaOf(sharer.user.id)?.remote.screen : null);
    this.screen.hidden = this.shared.hidden = !shown || !sharer;
    this.sharer.textContent = sharer ? `${nameOf(sharer.user)} is sharing the screen` : "";
    this.element.classList.toggle("with-screen", !this.shared.hidden);
  }

  /** Plays the sound; after a touch, where the browser wants one. */
  play() {
    for (const tile of this.#tiles.values()) tile.play();
  }

  /** A word on the call, when there is something to say. */
  get note() {
    const connection = this.#connection;
    const { roster } = connection;
    if (connection.state === "lobby") return "Waiting for a host to let you in.";
    if (connection.onHold) return "You have put the call on hold. Nobody hears or sees you.";
    if (connection.sharing) return "The others can see your screen.";
    const others = roster.filter(({ isMe }) => !isMe);
    const inCall = others.filter(({ presence }) => presence === "in");
    const ringing = others.filter(({ presence }) => presence === "ringing");
    if (connection.state === "connected" && !inCall.length) {
      return ringing.length
        ? `Waiting for ${listOfNames(ringing.map(({ user }) => nameOf(user)))}.`
        : "Nobody else is in the call.";
    }
    if (inCall.some(({ user }) => !connection.mediaOf(user.id)) && connection.state === "connected") {
      return "Only the first four people have audio and video.";
    }
    return "";
  }

  /** Ends. */
  close() {
    for (const tile of this.#tiles.values()) tile.close();
  }
}

/** One participant. */
class Tile {
  #video = videoElement("tile-video");
  #audio = el("audio", { autoplay: true });
  #name = el("span", { class: "tile-name" });
  #state = el("span", { class: "tile-state" });
  #badges = el("span", { class: "badges", "aria-hidden": "true" });
  #drawn = "";
  #onSilenced;

  /** @param {RosterEntry} entry @param {(silenced: boolean) => void} onSilenced */
  constructor(entry, onSilenced) {
    this.#onSilenced = onSilenced;
    const face = el("span", { class: "tile-face" }, avatar(entry.user, "large"));
    const label = el("span", { class: "tile-label" }, this.#name, this.#state);
    const attributes = { class: "tile", testid: `tile-${entry.user.username ?? entry.user.id}` };
    this.element = el("li", attributes, face, this.#video, this.#audio, label, this.#badges);
  }

  /**
   * @param {RosterEntry} entry
   * @param {CallConnection} connection
   * @param {boolean} shown
   */
  draw(entry, connection, shown) {
    const media = connection.mediaOf(entry.user.id);
    const own = entry.isMe;
    attach(this.#video, own ? (connection.cameraOn ? connection.local.preview : null) : media?.remote.camera);
    this.#video.hidden = !shown || entry.onHold || !(own ? connection.cameraOn : media?.showsCamera);
    this.element.classList.toggle("own", own);
    this.#audio.muted = !shown;
    if (!own && this.#audio.srcObject !== (media?.remote.audio ?? null)) {
      attach(this.#audio, media?.remote.audio);
      if (media) this.play();
    }
    const connecting = entry.presence === "in" && !own && !!media && media.connectionState !== "connected";
    const words = presenceWords(entry) || (connecting ? "Connecting…" : "");
    const drawn = JSON.stringify([entry, words]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.element.dataset.presence = entry.presence;
    this.element.classList.toggle("reconnecting", entry.reconnecting);
    this.#name.textContent = own ? `${nameOf(entry.user)} (you)` : nameOf(entry.user);
    this.#state.textContent = words;
    const badge = (/** @type {import("./icons.js").IconName} */ name, /** @type {string} */ kind) =>
      el("span", { class: `badge ${kind}` }, icon(name));
    this.#badges.replaceChildren(
      ...(entry.handRaised ? [badge("hand", "hand")] : []),
      ...(entry.onHold ? [badge("pause", "hold")] : []),
      ...(entry.sharing ? [badge("screen", "screen")] : []),
      ...(entry.muted ? [badge("micOff", "muted")] : []),
    );
  }

  play() {
    if (this.#audio.srcObject) play(this.#audio, this.#onSilenced);
  }

  close() {
    this.#audio.srcObject = null;
    this.#video.srcObject = null;
  }
}
