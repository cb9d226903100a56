// One call on this device: the commands that make it, its media, and what a page shows of it.

import { RingbackError } from "./errors.js";
import { LocalMedia } from "./local-media.js";
import { PeerLink } from "./peer-link.js";
import { summarise } from "./stats.js";
import { isConnectedElsewhere, isOpen, newId, participantOf, peerOf } from "./wire.js";

/** Media that cannot be had for this long end the call, in milliseconds. */
export const mediaGraceMs = 20_000;
/** How long the polite side leaves the first offer to the other, in milliseconds. */
const firstOfferWaitMs = 3_000;
/** After this long without media, in milliseconds, a new path is looked for, then everything begun anew. */
const restartAfterMs = 5_000;
const rebuildAfterMs = 12_000;
/** A failed path is replaced by the impolite side at once, by the polite one a little later. */
const politeRestartDelayMs = 1_500;
const tickMs = 1_000;
/** How long an invite may stay unanswered, in milliseconds. */
const inviteTimeoutMs = 20_000;
/** A camera without a new frame for this long is taken to be off, in milliseconds. */
const stillAfterMs = 2_500;

/**
 * @typedef {"starting" | "calling" | "ringing" | "connecting" | "connected" | "reconnecting" | "ended"} CallState
 * `starting`: microphone and server are being asked; `calling`: nobody rings yet; `ringing`: the other
 * side rings; `connecting`: answered, no media yet; `reconnecting`: there were media, now there are none.
 */

/**
 * What a page needs to say why a call is over.
 * @typedef {object} CallEnd
 * @property {import("./wire.js").Call | null} call as the server last described it
 * @property {"hangup" | "remote" | "moved" | "elsewhere" | "error"} cause
 *   `hangup`: on this device; `remote`: see the call; `moved`: another device of the user took it over;
 *   `elsewhere`: another device answered first; `error`: see `error`
 * @property {RingbackError} [error]
 */

/**
 * A call as this device takes part in it. Made by {@link RingbackClient}, not by hand.
 *
 * Events: `state` (also whenever the call itself changes), `media` (microphone, camera or screen of this
 * device changed), `tracks` (what is received changed), `ended` (detail: a {@link CallEnd}), `failure`
 * (detail: an error that did not end the call).
 */
export class CallConnection extends EventTarget {
  #client;
  #link = null;
  #early = [];
  #ticker;
  #restartTimer;
  #withoutMediaMs = 0;
  #framesDecoded = 0;
  #framesSince = 0;
  #framesFlow = false;
  #speaksOfCamera = false;
  #cameraIsOpening = false;
  #shareIsStarting = false;

  /** The call as it is; null until the server has answered the invite. @type {import("./wire.js").Call | null} */
  call = null;
  /** What this device called its invite, once it was sent. @type {string | null} */
  clientCallId = null;
  /** @type {CallState} */
  state = "starting";
  /** Microphone, camera and screen of this device. */
  local = new LocalMedia();
  muted = false;
  /** Set once the call is over. @type {CallEnd | null} */
  end = null;
  /** Whether there ever were media. */
  wasConnected = false;

  /**
   * @param {import("./client.js").RingbackClient} client
   * @param {{peer: import("./wire.js").User, call?: import("./wire.js").Call, video: boolean}} subject
   */
  constructor(client, { peer, call = null, video }) {
    super();
    this.#client = client;
    /** The other side. @type {import("./wire.js").User} */
    this.peer = peer;
    this.call = call;
    /** Whether this side began or answered with its camera. */
    this.video = video;
  }

  /** What is received: streams that stay the same while tracks come and go. */
  get remote() {
    return this.#link?.remote ?? null;
  }

  /** The other side's part in the call. */
  get peerParticipant() {
    return peerOf(this.call ?? undefined, this.#client.user?.id);
  }

  /** Whether this device sends its camera. */
  get cameraOn() {
    return this.local.camera !== null;
  }

  /** Whether this device shares its screen. */
  get sharing() {
    return this.local.screen !== null;
  }

  /** Whether there is a picture of the other side to show. */
  get showsCamera() {
    const track = this.remote?.camera.getVideoTracks()[0];
    if (!track || track.muted) return false;
    // Clients that never speak of their camera are judged by what they send.
    return this.#speaksOfCamera ? !!this.peerParticipant?.media?.camera : this.#framesFlow;
  }

  /** Whether the other side's screen is to be shown. */
  get showsScreen() {
    const track = this.remote?.screen.getVideoTracks()[0];
    return !!track && !track.muted;
  }

  /** The connection beneath, for the curious. @returns {RTCPeerConnection | null} */
  get peerConnection() {
    return this.#link?.peerConnection ?? null;
  }

  // ---------------------------------------------------------------------------------------- beginning

  /**
   * Opens the media, tells the server, and begins the media connection. Failures end the call.
   * @param {"place" | "answer" | "move" | "rejoin"} kind
   */
  async begin(kind) {
    let media;
    try {
      await this.#openMedia(kind);
      if (this.state === "ended") return;
      media = this.#mediaState();
      if (kind === "place") {
        const type = this.video ? "CALL_TYPE_VIDEO" : "CALL_TYPE_VOICE";
        this.clientCallId = newId();
        const callInvite = { clientCallId: this.clientCallId, userId: this.peer.id, type, media };
        const { call } = await this.#client.request({ callInvite }, { timeoutMs: inviteTimeoutMs });
        this.#client.attach(this, call);
      } else if (kind !== "rejoin") {
        const command = { commandId: newId(), callId: this.call.id, media };
        const { call } = await this.#client.request({ [kind === "answer" ? "callAccept" : "callMove"]: command });
        this.#client.attach(this, call);
      }
    } catch (error) {
      this.#beginFailed(error);
      return;
    }
    await this.#client.renewIceServers();
    if (this.state === "ended") return;
    if (kind === "rejoin") this.#tidyAfterRejoin();
    // Muted or unmuted while the command was on its way.
    else if (this.#mediaState().microphone !== media.microphone) this.#sendMedia();
    this.#startLink(kind);
  }

  async #openMedia(kind) {
    try {
      await this.local.open({ camera: this.video });
    } catch (error) {
      // Who comes back into a call without a microphone still hears.
      if (kind !== "rejoin") throw error;
      this.dispatchEvent(new CustomEvent("failure", { detail: error }));
    }
    if (this.state === "ended") {
      this.local.close();
      return;
    }
    const own = participantOf(this.call ?? undefined, this.#client.user?.id);
    if (kind === "rejoin" && own?.media && !own.media.microphone) this.muted = true;
    if (this.local.microphone) this.local.microphone.enabled = !this.muted;
    if (this.local.cameraError) this.dispatchEvent(new CustomEvent("failure", { detail: this.local.cameraError }));
    this.#watchCamera();
    this.dispatchEvent(new Event("media"));
  }

  #beginFailed(error) {
    if (this.state === "ended") return;
    if (error.call) this.call = error.call;
    const elsewhere = error.code === "ANSWERED_ELSEWHERE";
    const over = error.code === "CALL_ENDED";
    this.#finish({ cause: elsewhere ? "elsewhere" : over ? "remote" : "error", error });
  }

  #tidyAfterRejoin() {
    this.#sendMedia();
    if (this.call.screenShares?.some((share) => share.sharerId === this.#client.user.id)) this.#sendStopShare();
  }

  #startLink(kind) {
    const polite = participantOf(this.call, this.#client.user.id)?.polite ?? false;
    const callId = this.call.id;
    const userId = this.peer.id;
    const relay = (command) =>
      this.#client.request(command).catch((error) => {
        // A call that is over needs no signals; anything else is mended by repetition.
        if (error.code !== "CALL_ENDED") this.dispatchEvent(new CustomEvent("failure", { detail: error }));
      });
    this.#link = new PeerLink({
      polite,
      local: this.local,
      configuration: () => this.#client.rtcConfiguration(),
      renewIceServers: () => this.#client.renewIceServers(),
      sendDescription: (description) => relay({ sendDescription: { callId, userId, description } }),
      sendCandidate: (candidate) => relay({ sendCandidate: { callId, userId, candidate } }),
      expectsAnswer: () => this.call?.status === "CALL_STATUS_ONGOING",
    });
    this.#link.addEventListener("connection", () => this.#connectionChanged());
    this.#link.addEventListener("tracks", () => this.dispatchEvent(new Event("tracks")));
    this.#link.addEventListener("failure", ({ detail }) => this.dispatchEvent(new CustomEvent("failure", { detail })));
    this.#link.start(polite && kind !== "rejoin" && kind !== "move" ? firstOfferWaitMs : 0);
    for (const [method, value] of this.#early.splice(0)) this.#link[method](value);
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#updateState();
  }

  // --------------------------------------------------------------------------- what the client tells it

  /** Takes the call in as the server describes it. @param {import("./wire.js").Call} call */
  update(call) {
    const before = this.call?.status;
    this.call = call;
    this.#speaksOfCamera ||= !!this.peerParticipant?.media?.camera;
    const user = this.#client.user?.id;
    if (this.state === "ended") {
      if (this.end) this.end.call = call;
      this.dispatchEvent(new Event("state"));
      return;
    }
    if (!isOpen(call)) {
      this.#finish({ cause: "remote" });
      return;
    }
    if (this.#link && isConnectedElsewhere(call, user, this.#client.deviceId)) {
      this.#finish({ cause: "moved" });
      return;
    }
    if (call.status === "CALL_STATUS_ONGOING" && before !== call.status) this.#link?.answerExpected();
    if (this.sharing && !call.screenShares?.some((share) => share.sharerId === user)) this.#endShare();
    this.#updateState();
  }

  /** Another device of the user has taken the call over. */
  movedAway() {
    this.#finish({ cause: "moved" });
  }

  /** @param {"receiveDescription" | "receiveCandidate"} method @param {object} value of the wire */
  receive(method, value) {
    if (this.#link) this.#link[method](value);
    else if (this.#early.length < 256) this.#early.push([method, value]);
  }

  /**
   * The socket is back.
   * @param {boolean} recovered whether nothing was missed
   */
  socketReturned(recovered) {
    if (this.state === "ended" || !this.#link) return;
    if (!recovered) this.#sendMedia();
    if (!recovered || this.#link.connectionState !== "connected") this.#link.restart();
  }

  /** The machine has another network. */
  networkChanged() {
    if (this.state !== "ended") this.#link?.restart();
  }

  // ------------------------------------------------------------------------------------------ controls

  /** Mutes or unmutes the microphone. @param {boolean} muted */
  setMuted(muted) {
    this.muted = muted;
    if (this.local.microphone) this.local.microphone.enabled = !muted;
    this.#sendMedia();
    this.dispatchEvent(new Event("media"));
  }

  /** Whether {@link setCamera} does anything: not while the call begins, nor while the user is being asked. */
  get canSetCamera() {
    return this.state !== "starting" && this.state !== "ended" && !this.#cameraIsOpening;
  }

  /** Switches the camera on or off, if {@link canSetCamera}. Rejects with code "NO_CAMERA". @param {boolean} on */
  async setCamera(on) {
    if (!this.canSetCamera || on === this.cameraOn) return;
    if (on) {
      this.#cameraIsOpening = true;
      try {
        await this.local.openCamera();
      } finally {
        this.#cameraIsOpening = false;
      }
      if (this.state === "ended") {
        this.local.close();
        return;
      }
    } else {
      this.local.closeCamera();
    }
    this.#watchCamera();
    this.#link?.tracksChanged();
    this.#sendMedia();
    this.dispatchEvent(new Event("media"));
  }

  /** Whether {@link startScreenShare} does anything: not without a call, nor while it is at it already. */
  get canShareScreen() {
    return !!this.call && this.state !== "ended" && !this.sharing && !this.#shareIsStarting;
  }

  /**
   * Shares the screen, if {@link canShareScreen}: asks the server first, then the user. Rejects when either
   * says no.
   */
  async startScreenShare() {
    if (!this.canShareScreen) return;
    this.#shareIsStarting = true;
    try {
      await this.#openScreen();
    } finally {
      this.#shareIsStarting = false;
    }
    if (this.state === "ended") {
      this.local.close();
      return;
    }
    this.local.screen?.addEventListener("ended", () => this.stopScreenShare());
    this.#link?.tracksChanged();
    this.dispatchEvent(new Event("media"));
  }

  async #openScreen() {
    await this.#client.request({ startScreenShare: { commandId: newId(), callId: this.call.id } });
    try {
      await this.local.openScreen();
    } catch (error) {
      this.#sendStopShare();
      throw error;
    }
  }

  /** Ends the sharing of the screen. */
  stopScreenShare() {
    if (!this.sharing) return;
    this.#endShare();
    this.#sendStopShare();
  }

  /**
   * Leaves the call: gives up, or turns it away, before the answer.
   * @param {{mediaFailed?: boolean}} [why]
   */
  hangUp({ mediaFailed = false } = {}) {
    if (this.state === "ended") return;
    if (this.call) this.#client.leave(this.call.id, { mediaFailed });
    const error = new RingbackError("MEDIA_FAILED", "The media connection was lost.");
    this.#finish(mediaFailed ? { cause: "error", error } : { cause: "hangup" });
  }

  /** Leaves nothing running, without a word to the server: the client is being stopped. */
  abandon() {
    this.#finish({ cause: "hangup" });
  }

  /** A short account of the connection. @returns {Promise<import("./stats.js").CallStats>} */
  async stats() {
    return summarise((await this.#link?.reports()) ?? [], this.#link?.screenMid ?? null);
  }

  // ------------------------------------------------------------------------------------------- inside

  #mediaState() {
    return { microphone: !!this.local.microphone && !this.muted, camera: this.cameraOn };
  }

  #quietly(command) {
    this.#client.request(command).catch((error) => {
      if (this.state !== "ended") this.dispatchEvent(new CustomEvent("failure", { detail: error }));
    });
  }

  #sendMedia() {
    if (!this.call || this.state === "ended") return;
    this.#quietly({ callSetMedia: { callId: this.call.id, media: this.#mediaState() } });
  }

  #sendStopShare() {
    this.#quietly({ stopScreenShare: { commandId: newId(), callId: this.call.id } });
  }

  #endShare() {
    this.local.closeScreen();
    this.#link?.tracksChanged();
    this.dispatchEvent(new Event("media"));
  }

  #watchCamera() {
    const track = this.local.camera;
    track?.addEventListener("ended", () => {
      if (this.local.camera === track) this.setCamera(false);
    });
  }

  #connectionChanged() {
    clearTimeout(this.#restartTimer);
    const state = this.#link.connectionState;
    if (state === "connected") {
      this.wasConnected = true;
      this.#withoutMediaMs = 0;
    } else if (state === "failed") {
      const polite = participantOf(this.call, this.#client.user?.id)?.polite;
      this.#restartTimer = setTimeout(() => this.#link.restart(), polite ? politeRestartDelayMs : 0);
    }
    this.#updateState();
  }

  /** Counts the time without media that this side could have done something about. */
  async #tick() {
    if (this.state === "ended") return;
    const ongoing = this.call.status === "CALL_STATUS_ONGOING";
    if (this.#link.connectionState === "connected") {
      await this.#watchFrames();
    } else if (ongoing && this.#client.state === "online" && !this.peerParticipant?.reconnecting) {
      this.#withoutMediaMs += tickMs;
      if (this.#withoutMediaMs >= mediaGraceMs) this.hangUp({ mediaFailed: true });
      else if (this.#withoutMediaMs === restartAfterMs) this.#link.restart();
      else if (this.#withoutMediaMs === rebuildAfterMs) this.#link.rebuild();
    }
  }

  async #watchFrames() {
    const { framesDecoded } = (await this.stats()).camera;
    if (framesDecoded !== this.#framesDecoded) this.#framesSince = Date.now();
    this.#framesDecoded = framesDecoded;
    const flowing = Date.now() - this.#framesSince < stillAfterMs;
    if (flowing === this.#framesFlow) return;
    this.#framesFlow = flowing;
    this.dispatchEvent(new Event("tracks"));
  }

  #updateState() {
    if (this.state === "ended") return;
    if (!this.call || !this.#link) this.state = "starting";
    else if (this.call.status === "CALL_STATUS_INITIATED") {
      this.state = this.peerParticipant?.alerted ? "ringing" : "calling";
    } else if (this.#link.connectionState === "connected") this.state = "connected";
    else this.state = this.wasConnected ? "reconnecting" : "connecting";
    this.dispatchEvent(new Event("state"));
  }

  #finish(end) {
    if (this.state === "ended") return;
    this.state = "ended";
    this.end = { call: this.call, ...end };
    clearInterval(this.#ticker);
    clearTimeout(this.#restartTimer);
    this.#link?.close();
    this.local.close();
    this.dispatchEvent(new Event("state"));
    this.dispatchEvent(new CustomEvent("ended", { detail: this.end }));
  }
}
