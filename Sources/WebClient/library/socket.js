// The live connection: sign-in by `hello`, requests and replies, events, and coming back after a loss.

import { backoffDelay, closedUnauthenticated, mayComeBack } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { RingbackError } from "./errors.js";
import { encode, uint64 } from "./wire.js";

/** How long a command may stay unanswered, reconnections included, in milliseconds. */
export const requestTimeoutMs = 15_000;
/** How long a connection may take until `welcome`. */
const openTimeoutMs = 10_000;
/** Browsers cannot send WebSocket pings: this often the client asks by a command of its own. */
const pingIntervalMs = 20_000;
/** A ping without an answer for this long means that the connection is dead. */
const pongTimeoutMs = 8_000;
/** A connection that held this long starts the back-off anew. */
const stableAfterMs = 5_000;
/** At the latest after this many events the client says how far it is. */
const eventsPerAck = 32;

/**
 * @typedef {"stopped" | "connecting" | "online" | "waiting"} SocketState
 * `waiting`: the connection is lost and the next try is due at `retryAt`.
 */

/**
 * What a device asks for, by the command's name.
 * @typedef {Omit<Wire.ClientFrame, "id" | "ack">} Command
 */

/**
 * What of a `WebSocket` is used.
 * @typedef {object} Line
 * @property {number} readyState
 * @property {(text: string) => void} send
 * @property {(code?: number) => void} close
 * @property {((event: Event) => void) | null} onopen
 * @property {((event: MessageEvent<string>) => void) | null} onmessage
 * @property {((event: CloseEvent) => void) | null} onclose
 */

/**
 * A command without an answer.
 * @typedef {object} Pending
 * @property {number} id
 * @property {Command} command
 * @property {number} deadline in milliseconds since 1970
 * @property {(ok: Wire.Ok) => void} done
 * @property {(error: RingbackError) => void} fail
 * @property {ReturnType<typeof setTimeout>} [timer]
 * @property {ReturnType<typeof setTimeout>} [retryTimer]
 */

/**
 * @typedef {object} SocketEvents
 * @property {{state: SocketState, retryAt: number}} state
 * @property {Wire.Welcome} welcome
 * @property {Wire.Event} event
 * @property {{code: number, reason: string}} refused
 */

/**
 * The socket of one device. Events: `state` (detail `{state, retryAt}`), `welcome` (detail: the welcome),
 * `event` (detail: the event), `refused` (detail `{code, reason}`: the server wants no coming back).
 * @extends {Emitter<SocketEvents>}
 */
export class RingbackSocket extends Emitter {
  #options;
  /** @type {Line | null} */
  #socket = null;
  #nextId = 1;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  // Kept in memory alone: whoever loads the page anew has nothing that missed events could be added to, and needs the
  // snapshot.
  /** @type {string | null} */
  #resume = null;
  #lastSeq = 0n;
  #acknowledged = 0n;
  #attempt = 0;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  /** @type {string | null} */
  #token = null;
  /** @type {string | null} */
  #rejectedToken = null;
  #helloId = 0;
  #onlineSince = 0;
  #retryAfterMs = 0;

  /** @type {SocketState} */
  state = "stopped";
  /** When the next try is due, in milliseconds since 1970; 0 when none is. */
  retryAt = 0;

  /**
   * @param {object} options
   * @param {string} options.url of the socket, `ws:` or `wss:`
   * @param {Wire.Device} options.device
   * @param {(rejected?: string) => Promise<string | null>} options.token gives an access token
   * @param {new (url: string, protocols: string[]) => Line} [options.WebSocket]
   * @param {() => number} [options.random] from 0 to 1
   */
  constructor(options) {
    super();
    this.#options = { WebSocket: globalThis.WebSocket, random: Math.random, ...options };
  }

  /** Connects, and stays connected until {@link stop}. */
  start() {
    if (this.state !== "stopped") return;
    this.#attempt = 0;
    globalThis.addEventListener?.("online", this.#networkChanged);
    globalThis.addEventListener?.("offline", this.#probe);
    globalThis.document?.addEventListener("visibilitychange", this.#probe);
    this.#connect();
  }

  /** Closes for good. Commands without an answer fail with code "CLOSED". */
  stop() {
    globalThis.removeEventListener?.("online", this.#networkChanged);
    globalThis.removeEventListener?.("offline", this.#probe);
    globalThis.document?.removeEventListener("visibilitychange", this.#probe);
    this.#setState("stopped");
    this.#drop(1000);
    this.#resume = null;
    this.#lastSeq = 0n;
    for (const entry of [...this.#pending.values()]) entry.fail(new RingbackError("CLOSED", "The client was stopped."));
  }

  /** Tries again at once, if the connection is lost. */
  retryNow() {
    if (this.state === "waiting") this.#connect();
  }

  /**
   * Sends a command and waits for its answer. It waits for a connection if there is none, and is sent
   * again, with the same ids, after a reconnection or when the server says that a retry may help: the
   * server takes a repeated command for the same command.
   * @param {Command} command e.g. `{callCancel: {commandId, callId}}`
   * @param {{timeoutMs?: number}} [options]
   * @returns {Promise<Wire.Ok>} the `ok`
   */
  request(command, options = {}) {
    const { timeoutMs = requestTimeoutMs } = options;
    if (this.state === "stopped") return Promise.reject(new RingbackError("CLOSED", "The client is not connected."));
    return new Promise((resolve, reject) => {
      const id = this.#takeId();
      const settled = () => {
        clearTimeout(entry.timer);
        clearTimeout(entry.retryTimer);
        this.#pending.delete(id);
      };
      /** @type {Pending} */
      const entry = {
        id,
        command,
        deadline: Date.now() + timeoutMs,
        done: (ok) => {
          settled();
          resolve(ok);
        },
        fail: (error) => {
          settled();
          reject(error);
        },
      };
      entry.timer = setTimeout(() => {
        const [code, message] =
          this.state === "online"
            ? ["TIMEOUT", "The server did not answer in time."]
            : ["OFFLINE", "There is no connection to the server."];
        entry.fail(new RingbackError(code, message, { retryable: true }));
      }, timeoutMs);
      this.#pending.set(id, entry);
      if (this.state === "online") this.#write(id, command);
    });
  }

  /** @returns {number} */
  #takeId() {
    const id = this.#nextId;
    this.#nextId = id >= 0x7fffffff ? 1 : id + 1;
    return this.#pending.has(id) ? this.#takeId() : id;
  }

  async #connect() {
    this.#clearTimers();
    this.#setState("connecting");
    /** @type {string | null} */
    let token;
    try {
      token = await this.#options.token(this.#rejectedToken ?? undefined);
    } catch {
      if (this.state === "connecting") this.#wait();
      return;
    }
    if (this.state !== "connecting" || this.#socket) return;
    if (!token) {
      this.#refuse(closedUnauthenticated, "The session has ended.");
      return;
    }
    const sentToken = token;
    this.#token = token;
    const socket = new this.#options.WebSocket(this.#options.url, ["ringback.v1.json"]);
    this.#socket = socket;
    /**
     * @template {Event} Kind
     * @param {(event: Kind) => void} handler
     */
    const ifCurrent = (handler) => (/** @type {Kind} */ event) => {
      if (this.#socket === socket) handler(event);
    };
    socket.onopen = ifCurrent(() => {
      /** @type {Wire.Hello} */
      const hello = { accessToken: sentToken, device: this.#options.device };
      if (this.#resume) hello.resume = { token: this.#resume, lastSeq: String(this.#lastSeq) };
      this.#helloId = this.#takeId();
      socket.send(encode({ id: this.#helloId, hello }));
    });
    socket.onmessage = ifCurrent((/** @type {MessageEvent<string>} */ event) => this.#receive(event.data));
    socket.onclose = ifCurrent((/** @type {CloseEvent} */ event) => this.#closed(event.code, event.reason));
    this.#arm("open", openTimeoutMs, () => this.#lost());
  }

  /** @param {string} text */
  #receive(text) {
    /** @type {Wire.ServerFrame} */
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (frame.event) {
      // Counted by the server, from connection to connection as long as it resumes.
      this.#lastSeq = uint64(frame.seq);
      this.emit("event", frame.event);
      const unacknowledged = this.#lastSeq - this.#acknowledged;
      if (unacknowledged >= eventsPerAck || unacknowledged < 0n) this.#write(0, { ping: {} });
      return;
    }
    const replyTo = frame.replyTo ?? 0;
    if (replyTo !== 0 && replyTo === this.#helloId) {
      this.#helloAnswered(frame);
      return;
    }
    const entry = this.#pending.get(replyTo);
    if (!entry) return;
    if (frame.error) this.#failedBy(entry, RingbackError.fromWire(frame.error));
    else entry.done(frame.ok ?? {});
  }

  /** @param {Pending} entry @param {RingbackError} error */
  #failedBy(entry, error) {
    const wait = Math.max(error.retryAfterMs, 250);
    if (!error.retryable || Date.now() + wait >= entry.deadline) {
      entry.fail(error);
      return;
    }
    entry.retryTimer = setTimeout(() => {
      if (this.state === "online") this.#write(entry.id, entry.command);
    }, wait);
  }

  /** @param {Wire.ServerFrame} frame */
  #helloAnswered(frame) {
    this.#helloId = 0;
    const welcome = frame.ok?.welcome;
    if (!welcome) {
      const error = RingbackError.fromWire(frame.error);
      if (error.code === "UNAUTHENTICATED") {
        this.#tokenRejected(error.message);
      } else {
        // The server closes next, and its close code says whether to come back.
        this.#retryAfterMs = error.retryAfterMs;
      }
      return;
    }
    this.#rejectedToken = null;
    this.#onlineSince = Date.now();
    // Without recovery the server counts anew. With it, it took what hello said for an acknowledgement.
    if (!welcome.recovered) this.#lastSeq = 0n;
    this.#acknowledged = this.#lastSeq;
    this.#resume = welcome.resumeToken ?? null;
    this.#clearTimers();
    // Before anybody hears of the connection: what they request then is sent at once, and is not to go twice.
    for (const entry of this.#pending.values()) {
      clearTimeout(entry.retryTimer);
      this.#write(entry.id, entry.command);
    }
    this.#setState("online");
    this.#schedulePing();
    this.emit("welcome", welcome);
  }

  /**
   * Once: a fresh token that is turned away as well means that the session is over.
   * @param {string} reason
   */
  #tokenRejected(reason) {
    const again = this.#rejectedToken === null;
    this.#rejectedToken = this.#token;
    this.#drop(1000);
    if (again) this.#connect();
    else this.#refuse(closedUnauthenticated, reason);
  }

  /** @param {number} id @param {Command} command */
  #write(id, command) {
    /** @type {Wire.ClientFrame} */
    const frame = { ...command };
    if (id) frame.id = id;
    if (this.#lastSeq !== this.#acknowledged) {
      frame.ack = String(this.#lastSeq);
      this.#acknowledged = this.#lastSeq;
    }
    if (this.#socket?.readyState === 1) this.#socket.send(encode(frame));
  }

  #schedulePing() {
    this.#arm("ping", pingIntervalMs, () => {
      this.#probe();
      this.#schedulePing();
    });
  }

  /** Asks whether the connection still lives. */
  #probe = () => {
    if (globalThis.document?.visibilityState === "visible") this.retryNow();
    if (this.state !== "online") return;
    const socket = this.#socket;
    this.request({ ping: {} }, { timeoutMs: pongTimeoutMs }).catch(() => {
      if (this.state === "online" && this.#socket === socket) this.#lost();
    });
  };

  #networkChanged = () => {
    this.#attempt = 0;
    if (this.state === "waiting") this.#connect();
    else this.#probe();
  };

  #lost() {
    this.#drop(4000);
    this.#wait();
  }

  /** @param {number} code @param {string} reason */
  #closed(code, reason) {
    this.#socket = null;
    this.#helloId = 0;
    this.#clearTimers();
    if (mayComeBack(code)) this.#wait();
    else if (code === closedUnauthenticated) this.#tokenRejected(reason);
    else this.#refuse(code, reason);
  }

  #wait() {
    if (this.#onlineSince && Date.now() - this.#onlineSince >= stableAfterMs) this.#attempt = 0;
    this.#onlineSince = 0;
    const delay = Math.max(this.#retryAfterMs, backoffDelay(this.#attempt, this.#options.random()));
    this.#retryAfterMs = 0;
    this.#attempt += 1;
    this.#clearTimers();
    this.#setState("waiting", Date.now() + delay);
    this.#arm("retry", delay, () => this.#connect());
  }

  /** @param {number} code @param {string} reason */
  #refuse(code, reason) {
    this.stop();
    this.emit("refused", { code, reason });
  }

  /** @param {number} code */
  #drop(code) {
    this.#clearTimers();
    const socket = this.#socket;
    this.#socket = null;
    this.#helloId = 0;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(code);
    } catch {
      // Not open yet: nothing to close.
    }
  }

  /**
   * @param {string} name
   * @param {number} delay
   * @param {() => void} action
   */
  #arm(name, delay, action) {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(name, setTimeout(action, delay));
  }

  #clearTimers() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** @param {SocketState} state @param {number} [retryAt] */
  #setState(state, retryAt = 0) {
    if (this.state === state && this.retryAt === retryAt) return;
    this.state = state;
    this.retryAt = retryAt;
    this.emit("state", { state, retryAt });
  }
}
