// What this device sends in a call: microphone, camera, screen; muted, on hold, or stopped by a host.

import { Emitter } from "./emitter.js";
import { LatestState } from "./latest-state.js";
import { LocalMedia } from "./local-media.js";
import { Mesh } from "./mesh.js";
import { newId, participantOf } from "./wire.js";

/**
 * @typedef {object} CallEvents
 * @property {undefined} state
 * @property {undefined} media
 * @property {undefined} tracks
 * @property {{medium: Wire.Medium, byUserId: string}} stopped
 * @property {import("./call-connection.js").CallEnd} ended
 * @property {unknown} failure
 */

/**
 * The sending side of {@link CallConnection}, which is told what is said of it there.
 * @extends {Emitter<CallEvents>}
 */
export class CallMedia extends Emitter {
  #client;
  #hadCamera = false;
  #cameraIsOpening = false;
  #shareIsStarting = false;
  #toldMedia;
  #toldHold;

  /**
   * The call as it is; null until the server has answered the invite.
   * @type {Wire.Call | null}
   */
  call = null;
  /** @type {import("./call-connection.js").CallState} */
  state = "starting";
  /** Microphone, camera and screen of this device. */
  local = new LocalMedia();
  muted = false;
  /** Whether this device has put the call on hold: it sends nothing meanwhile. */
  onHold = false;
  /** Whether the server has this device in the call, or at its door. */
  isAttached = false;
  /** Whether this device waits to be let in. */
  isInLobby = false;
  /**
   * The media exchanged with the others.
   * @type {Mesh}
   */
  mesh;

  /** @param {import("./mesh.js").MeshClient} client */
  constructor(client) {
    super();
    this.#client = client;
    this.#toldMedia = new LatestState((command) => client.request(command));
    this.#toldHold = new LatestState((command) => client.request(command));
    const { local } = this;
    const unlessHeld = (/** @type {import("./peer-link.js").Role} */ role) => (this.onHold ? null : local[role]);
    const outgoing = {
      get microphone() {
        return unlessHeld("microphone");
      },
      get camera() {
        return unlessHeld("camera");
      },
      get screen() {
        return unlessHeld("screen");
      },
    };
    this.mesh = new Mesh(client, outgoing);
  }

  /** The id of the call; empty until the server has answered the invite. */
  get callId() {
    return this.call?.id ?? "";
  }

  /** Whether the call is over for this device. */
  get isOver() {
    return this.state === "ended";
  }

  /** Whether this device sends its camera. */
  get cameraOn() {
    return this.local.camera !== null;
  }

  /** Whether this device shares its screen. */
  get sharing() {
    return this.local.screen !== null;
  }

  /**
   * What to tell the server of the microphone and the camera.
   * @returns {Wire.MediaState}
   */
  get mediaState() {
    return { microphone: !!this.local.microphone && !this.muted, camera: this.cameraOn };
  }

  /**
   * Opens the microphone, and the camera if wanted.
   * @param {{camera: boolean, rejoins: boolean}} how `rejoins`: the call goes on as it was before
   */
  async openMedia({ camera, rejoins }) {
    try {
      await this.local.open({ camera });
    } catch (error) {
      // Who comes back into a call without a microphone still hears.
      if (!rejoins) throw error;
      this.failed(error);
    }
    if (this.isOver) {
      this.local.close();
      return;
    }
    const own = participantOf(this.call ?? undefined, this.#client.user?.id);
    if (rejoins && own?.media && !own.media.microphone) this.muted = true;
    if (rejoins && own?.onHold) this.onHold = true;
    this.#quietOrNot();
    if (this.local.cameraError) this.failed(this.local.cameraError);
    this.#watchCamera();
    this.emit("media");
  }

  /**
   * A host asks for silence, or has switched off the camera or the screen share. It is obeyed, and told.
   * @param {Wire.Medium} medium
   * @param {string} byUserId
   */
  mediaStopped(medium, byUserId) {
    if (this.isOver) return;
    if (medium === "MEDIUM_MICROPHONE") this.setMuted(true);
    else if (medium === "MEDIUM_CAMERA") this.setCamera(false);
    else if (medium === "MEDIUM_SCREEN" && this.sharing) this.endShare();
    this.#hadCamera &&= medium !== "MEDIUM_CAMERA";
    this.emit("stopped", { medium, byUserId });
  }

  // ------------------------------------------------------------------------------------------ controls

  /**
   * Mutes or unmutes the microphone.
   * @param {boolean} muted
   */
  setMuted(muted) {
    this.muted = muted;
    this.#quietOrNot();
    this.sendMedia();
    this.emit("media");
  }

  /** Whether {@link setOnHold} does anything: in a call that goes on. */
  get canHold() {
    const goesOn = this.isAttached && this.call?.status === "CALL_STATUS_ONGOING";
    return goesOn && !this.isOver && !this.isInLobby;
  }

  /**
   * Puts the call on hold, or goes on with it, if {@link canHold}. Nothing is sent on hold: the camera goes off until
   * then, a screen share ends. The others are told.
   * @param {boolean} onHold
   */
  setOnHold(onHold) {
    if (!this.canHold || onHold === this.onHold) return;
    if (onHold) this.stopScreenShare();
    this.onHold = onHold;
    this.#quietOrNot();
    if (onHold) {
      this.#hadCamera = this.cameraOn;
      this.local.closeCamera();
    }
    this.mesh.tracksChanged();
    this.sendHold();
    this.sendMedia();
    this.emit("media");
    if (!onHold && this.#hadCamera) this.setCamera(true).catch((error) => this.failed(error));
  }

  /** Whether {@link setCamera} does anything: not while the call begins, nor on hold, nor while the user is asked. */
  get canSetCamera() {
    return this.state !== "starting" && !this.isOver && !this.onHold && !this.#cameraIsOpening;
  }

  /**
   * Switches the camera on or off, if {@link canSetCamera}. Rejects with code "NO_CAMERA".
   * @param {boolean} on
   */
  async setCamera(on) {
    if (!this.canSetCamera || on === this.cameraOn) return;
    if (on) {
      this.#cameraIsOpening = true;
      try {
        await this.local.openCamera();
      } finally {
        this.#cameraIsOpening = false;
      }
      if (this.isOver) {
        this.local.close();
        return;
      }
      if (this.onHold) {
        // Put on hold while the browser asked: it comes on when the call goes on.
        this.local.closeCamera();
        this.#hadCamera = true;
        return;
      }
    } else {
      this.local.closeCamera();
    }
    this.#watchCamera();
    this.mesh.tracksChanged();
    this.sendMedia();
    this.emit("media");
  }

  /** Whether {@link startScreenShare} does anything: not without a call, nor while it is at it already. */
  get canShareScreen() {
    const isIn = !!this.call && !this.isOver && !this.isInLobby;
    return isIn && !this.onHold && !this.sharing && !this.#shareIsStarting;
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
    if (this.isOver) {
      this.local.close();
      return;
    }
    if (this.onHold) {
      this.stopScreenShare();
      return;
    }
    this.local.screen?.addEventListener("ended", () => this.stopScreenShare());
    this.mesh.tracksChanged();
    this.emit("media");
  }

  async #openScreen() {
    await this.#client.request({ startScreenShare: { commandId: newId(), callId: this.callId } });
    try {
      await this.local.openScreen();
    } catch (error) {
      this.sendStopShare();
      throw error;
    }
  }

  /** Ends the sharing of the screen. */
  stopScreenShare() {
    if (!this.sharing) return;
    this.endShare();
    this.sendStopShare();
  }

  // ------------------------------------------------------------------------------- for CallConnection

  /**
   * An error that does not end the call.
   * @param {unknown} error
   */
  failed(error) {
    if (!this.isOver) this.emit("failure", error);
  }

  /** Tells the others of the microphone and the camera. */
  sendMedia() {
    if (!this.call || this.isOver) return;
    this.#quietly(this.#toldMedia.tell({ callSetMedia: { callId: this.callId, media: this.mediaState } }));
  }

  /** Tells the others of the hold. */
  sendHold() {
    this.#quietly(this.#toldHold.tell({ callHold: { callId: this.callId, onHold: this.onHold } }));
  }

  /** Tells the others that the screen is not shared any more. */
  sendStopShare() {
    this.#quietly(this.#client.request({ stopScreenShare: { commandId: newId(), callId: this.callId } }));
  }

  /** Ends the sharing of the screen; the server knows. */
  endShare() {
    this.local.closeScreen();
    this.mesh.tracksChanged();
    this.emit("media");
  }

  #quietOrNot() {
    if (this.local.microphone) this.local.microphone.enabled = !this.muted && !this.onHold;
  }

  /** @param {Promise<unknown>} told */
  #quietly(told) {
    told.catch((error) => this.failed(error));
  }

  #watchCamera() {
    const track = this.local.camera;
    track?.addEventListener("ended", () => {
      if (this.local.camera === track) this.setCamera(false);
    });
  }
}
