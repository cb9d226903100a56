// What goes wrong, in one shape, wherever it came from.

/**
 * An error of the server, of the network or of the media devices.
 *
 * `code` is the server's error code without its prefix ("CONFLICT", "RATE_LIMITED", …), or one of the
 * client's own: "OFFLINE" (no connection), "TIMEOUT" (no answer in time), "CLOSED" (the client was
 * stopped), "NO_MICROPHONE", "NO_CAMERA", "NO_SCREEN", "INSECURE_CONTEXT", "BUSY_HERE" (this
 * device is in a call), "MEDIA_FAILED".
 */
export class RingbackError extends Error {
  /**
   * @param {string} code
   * @param {string} message for people
   * @param {{retryable?: boolean, retryAfterMs?: number, status?: number, call?: Wire.Call, cause?: unknown}} [more]
   */
  constructor(code, message, more = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "RingbackError";
    this.code = code;
    this.retryable = more.retryable ?? false;
    this.retryAfterMs = more.retryAfterMs ?? 0;
    this.status = more.status ?? 0;
    /** The call as it is, where the server sent it. */
    this.call = more.call;
  }

  /**
   * From a `ringback.v1.Error` of the wire.
   * @param {Partial<Wire.Error> | undefined} body
   * @param {number} [status] the HTTP status, where there was one
   */
  static fromWire(body, status = 0) {
    const code = String(body?.code ?? "ERROR_CODE_INTERNAL").replace(/^ERROR_CODE_/, "");
    return new RingbackError(code, body?.message ?? "The server reported an error.", {
      retryable: body?.retryable,
      retryAfterMs: body?.retryAfterMs,
      status,
      call: body?.call,
    });
  }
}

/**
 * Whether what was thrown is an error of this library with a certain code.
 * @param {unknown} thrown
 * @param {string} code
 * @returns {thrown is RingbackError}
 */
export function hasCode(thrown, code) {
  return thrown instanceof RingbackError && thrown.code === code;
}
