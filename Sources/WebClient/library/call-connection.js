// One call on this device: the commands that make it, its media, and what a page shows of it.

import { CallMedia } from "./call-media.js";
import { RingbackError, hasCode } from "./errors.js";
import { GroupControls } from "./group-controls.js";
import { isGroupCall, rosterOf, waitsInLobby } from "./roster.js";
import { summarise } from "./stats.js";
import { isConnectedElsewhere, isConnectedHere, isOpen, newId, participantOf, peerOf } from "./wire.js";

/** How long an invite may stay unanswered, in milliseconds. */
const inviteTimeoutMs = 20_000;

/**
 * @typedef {"starting" | "calling" | "ringing" | "lobby" | "connecting" | "connected" | "reconnecting" | "ended"}
 *   CallState
 * `starting`: microphone and server are being asked; `calling`: nobody rings yet; `ringing`: the other
 * side rings; `lobby`: a host has to let this device in; `connecting`: answered, no media yet; `connected`: there are
 * media, or nobody else is in the group call; `reconnecting`: there were media, now there are none.
 */

/**
 * What a page needs to say why a call is over.
 * @typedef {object} CallEnd
 * @property {Wire.Call | null} call as the server last described it
 * @property {"hangup" | "remote" | "moved" | "elsewhere" | "denied" | "error"} cause
 *   `hangup`: on this device; `remote`: see the call and the user's part in it; `moved`: another device of the user
 *   took it over; `elsewhere`: another device answered first; `denied`: a host did not let this device in; `error`:
 *   see `error`
 * @property {unknown} [error]
 */

/**
 * The client as a call needs it.
 * @typedef {import("./mesh.js").MeshClient & Pick<import("./client.js").RingbackClient,
 *   "deviceId" | "attach" | "leave">} CallClient
 */

/**
 * What a device goes into.
 * @typedef {object} CallSubject
 * @property {Wire.User} [peer] the other side of a direct call
 * @property {{id: string} | null} [conversation] the group conversation to call in
 * @property {string[]} [userIds] which of its members to ring; all when empty
 * @property {Wire.Call | null} [call]
 * @property {boolean} video
 */

/** @typedef {"place" | "answer" | "join" | "move" | "rejoin"} Beginning */

/**
 * A call as this device takes part in it. Made by {@link RingbackClient}, not by hand.
 *
 * Events: `state` (also whenever the call itself changes), `media` (microphone, camera, screen or hold of this
 * device changed), `tracks` (what is received changed), `stopped` (a host has silenced this device, or switched
 * something of it off; detail: `{medium, byUserId}`), `ended` (detail: a {@link CallEnd}), `failure` (detail: an error
 * that did not end the call).
 */
export class CallConnection extends CallMedia {
  #client;
  #conversation;
  #userIds;
  /** @type {Beginning} */
  #kind = "place";

  /**
   * What this device called its invite, once it was sent.
   * @type {string | null}
   */
  clientCallId = null;
  /**
   * Set once the call is over.
   * @type {CallEnd | null}
   */
  end = null;
  /** Whether there ever were media. */
  wasConnected = false;
  /** What people of a group call do to it and to each other; {@link GroupControls.add} works in any call. */
  controls;

  /**
   * @param {CallClient} client
   * @param {CallSubject} subject
   */
  constructor(client, { peer = { id: "" }, conversation = null, userIds = [], call = null, video }) {
    super(client);
    this.#client = client;
    this.#conversation = conversation;
    this.#userIds = userIds;
    /**
     * The other side of a call that began between two.
     * @type {Wire.User}
     */
    this.peer = peer;
    this.call = call;
    /** Whether this side began or answered with its camera. */
    this.video = video;
    this.controls = new GroupControls(client, () => this.callId);
    this.mesh.addEventListener("connection", () => this.#updateState());
    this.mesh.addEventListener("tracks", () => this.emit("tracks"));
    this.mesh.addEventListener("failure", ({ detail }) => this.failed(detail));
    // A call among many goes on without the media of one.
    this.mesh.addEventListener("lost", () => this.isGroup || this.hangUp({ mediaFailed: true }));
  }

  /** Whether this is a call among many. */
  get isGroup() {
    return this.call ? isGroupCall(this.call) : this.#conversation !== null;
  }

  /** The conversation of a group call, also before the server has answered. */
  get conversationId() {
    return this.call?.conversationId ?? this.#conversation?.id ?? "";
  }

  /**
   * Everybody in the call.
   * @returns {import("./roster.js").RosterEntry[]}
   */
  get roster() {
    return rosterOf(this.call, this.#client.user?.id);
  }

  /**
   * The media exchanged with somebody, if there are any.
   * @param {string} userId
   * @returns {import("./peer-media.js").PeerMedia | undefined}
   */
  mediaOf(userId) {
    return this.mesh.peers.get(userId);
  }

  get #media() {
    return this.mesh.peers.get(this.peer.id) ?? this.mesh.peers.values().next().value;
  }

  /** What is received from the other side: streams that stay the same while tracks come and go. */
  get remote() {
    return this.#media?.remote ?? null;
  }

  /** The other side's part in the call. */
  get peerParticipant() {
    return peerOf(this.call ?? undefined, this.#client.user?.id);
  }

  /** Whether this user's hand is raised. */
  get handRaised() {
    return !!participantOf(this.call ?? undefined, this.#client.user?.id)?.handRaisedAt;
  }

  /**
   * Raises this user's hand, or lowers it.
   * @param {boolean} raised
   */
  setHand(raised) {
    return this.controls.raiseHand(raised);
  }

  /** Whether there is a picture of the other side to show. */
  get showsCamera() {
    return this.#media?.showsCamera ?? false;
  }

  /** Whether the other side's screen is to be shown. */
  get showsScreen() {
    return this.#media?.showsScreen ?? false;
  }

  /**
   * The connection beneath, for the curious.
   * @returns {RTCPeerConnection | null}
   */
  get peerConnection() {
    return this.#media?.peerConnection ?? null;
  }

  // ---------------------------------------------------------------------------------------- beginning

  /**
   * Opens the media, tells the server, and begins the media connection. Failures end the call.
   * @param {Beginning} kind
   */
  async begin(kind) {
    this.#kind = kind;
    let media;
    try {
      await this.openMedia({ camera: this.video, rejoins: kind === "rejoin" });
      await this.#client.renewIceServers();
      if (this.isOver) return;
      media = this.mediaState;
      const call = await this.#enter(kind, media);
      this.isAttached = true;
      if (call) this.#client.attach(this, call);
    } catch (error) {
      this.#beginFailed(error);
      return;
    }
    if (this.isOver) return;
    if (kind === "rejoin") this.#tidyAfterRejoin();
    // Muted or unmuted while the command was on its way.
    else if (this.mediaState.microphone !== media.microphone) this.sendMedia();
    if (this.call) this.update(this.call);
  }

  /**
   * Gives the command that brings this device into the call.
   * @param {Beginning} kind
   * @param {Wire.MediaState} media
   * @returns {Promise<Wire.Call | null | undefined>}
   */
  async #enter(kind, media) {
    if (kind === "rejoin") return null;
    if (kind === "place") {
      /** @type {Wire.CallType} */
      const type = this.video ? "CALL_TYPE_VIDEO" : "CALL_TYPE_VOICE";
      this.clientCallId = newId();
      const whom = this.#conversation
        ? { conversationId: this.#conversation.id, userIds: this.#userIds }
        : { userId: this.peer.id };
      const callInvite = { clientCallId: this.clientCallId, ...whom, type, media };
      return (await this.#client.request({ callInvite }, { timeoutMs: inviteTimeoutMs })).call;
    }
    const entry = { commandId: newId(), callId: this.callId, media };
    const commands = { answer: { callAccept: entry }, join: { callJoin: entry }, move: { callMove: entry } };
    return (await this.#client.request(commands[kind])).call;
  }

  /** @param {unknown} error */
  #beginFailed(error) {
    if (this.isOver) return;
    if (error instanceof RingbackError && error.call) this.call = error.call;
    const elsewhere = hasCode(error, "ANSWERED_ELSEWHERE");
    const over = hasCode(error, "CALL_ENDED");
    this.#finish({ cause: elsewhere ? "elsewhere" : over ? "remote" : "error", error });
  }

  #tidyAfterRejoin() {
    this.sendMedia();
    if (this.call?.screenShares?.some((share) => share.sharerId === this.#client.user?.id)) this.sendStopShare();
  }

  // --------------------------------------------------------------------------- what the client tells it

  /**
   * Takes the call in as the server describes it.
   * @param {Wire.Call} call
   */
  update(call) {
    this.call = call;
    const user = this.#client.user?.id;
    if (this.isOver) {
      if (this.end) this.end.call = call;
      this.emit("state");
      return;
    }
    if (!isOpen(call)) {
      this.#finish({ cause: "remote" });
      return;
    }
    if (this.isAttached) this.#followOwnPart(call);
    if (this.isOver) return;
    if (this.sharing && !call.screenShares?.some((share) => share.sharerId === user)) this.endShare();
    this.#updateState();
  }

  /**
   * This device is in the call, at its door, or out of it.
   * @param {Wire.Call} call
   */
  #followOwnPart(call) {
    const { user, deviceId } = this.#client;
    const wasInLobby = this.isInLobby;
    this.isInLobby = waitsInLobby(call, user?.id);
    if (isConnectedElsewhere(call, user?.id, deviceId)) this.#finish({ cause: "moved" });
    else if (isConnectedHere(call, user?.id, deviceId)) this.#followMedia(call);
    else if (!this.isInLobby && this.isGroup) this.#finish({ cause: wasInLobby ? "denied" : "remote" });
  }

  /** @param {Wire.Call} call */
  #followMedia(call) {
    if (this.mesh.isStarted) this.mesh.update(call);
    else this.mesh.start(call, { eager: this.#kind === "rejoin" || this.#kind === "move" });
  }

  /** Another device of the user has taken the call over. */
  movedAway() {
    this.#finish({ cause: "moved" });
  }

  /** A host did not let this device in. */
  joinDenied() {
    if (this.isInLobby) this.#finish({ cause: "denied" });
  }

  /**
   * @param {string} userId whose signal it is
   * @param {import("./peer-media.js").Signal} signal
   */
  receive(userId, signal) {
    this.mesh.receive(userId, signal);
  }

  /**
   * An offer of this device to somebody has waited too long for its answer.
   * @param {string} userId
   */
  offerUnanswered(userId) {
    this.mesh.offerAgain(userId);
  }

  /**
   * The socket is back.
   * @param {boolean} recovered whether nothing was missed
   */
  socketReturned(recovered) {
    if (this.isOver || !this.isAttached) return;
    if (!recovered) this.sendMedia();
    if (!recovered && this.onHold) this.sendHold();
    this.mesh.restart({ all: !recovered });
  }

  /** Asks to be let in once more: the server forgets who waits when their connection is gone. */
  async askAgain() {
    try {
      const { call } = await this.#client.request({
        callJoin: { commandId: newId(), callId: this.callId, media: this.mediaState },
      });
      if (call) this.#client.attach(this, call);
    } catch (error) {
      this.#beginFailed(error);
    }
  }

  /** The machine has another network. */
  networkChanged() {
    if (!this.isOver) this.mesh.restart({ all: true });
  }

  /**
   * Leaves the call: gives up, or turns it away, before the answer.
   * @param {{mediaFailed?: boolean}} why
   */
  hangUp({ mediaFailed = false } = {}) {
    if (this.isOver) return;
    if (this.call) this.#client.leave(this.call.id, { mediaFailed });
    const error = new RingbackError("MEDIA_FAILED", "The media connection was lost.");
    this.#finish(mediaFailed ? { cause: "error", error } : { cause: "hangup" });
  }

  /** Leaves nothing running, without a word to the server: the client is being stopped. */
  abandon() {
    this.#finish({ cause: "hangup" });
  }

  /**
   * A short account of the connection.
   * @returns {Promise<import("./stats.js").CallStats>}
   */
  async stats() {
    return (await this.#media?.stats()) ?? summarise([], null);
  }

  // ------------------------------------------------------------------------------------------- inside

  #updateState() {
    if (this.isOver) return;
    this.state = this.#stateNow();
    if (this.state === "connected") this.wasConnected = true;
    this.emit("state");
  }

  /** @returns {CallState} */
  #stateNow() {
    if (this.isInLobby) return "lobby";
    if (!this.call || !this.mesh.isStarted) return "starting";
    if (this.call.status === "CALL_STATUS_INITIATED") {
      const isRinging = this.roster.some(({ presence, alerted }) => presence === "ringing" && alerted);
      return isRinging ? "ringing" : "calling";
    }
    const peers = [...this.mesh.peers.values()];
    const isAlone = this.isGroup && !peers.length;
    if (isAlone || peers.some(({ connectionState }) => connectionState === "connected")) return "connected";
    return this.wasConnected ? "reconnecting" : "connecting";
  }

  /** @param {Omit<CallEnd, "call">} end */
  #finish(end) {
    if (this.isOver) return;
    this.state = "ended";
    /** @type {CallEnd} */
    const how = { call: this.call, ...end };
    this.end = how;
    this.mesh.close();
    this.local.close();
    this.emit("state");
    this.emit("ended", how);
  }
}
