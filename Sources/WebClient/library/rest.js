// The REST interface: sign-in, people, conversations, history.

import { RingbackError } from "./errors.js";
import { encode } from "./wire.js";

/** How long a request may take, in milliseconds. */
const timeoutMs = 20_000;

/**
 * `AbortSignal`, with the method that the declarations of TypeScript 4.8 do not know yet.
 * @type {typeof AbortSignal & {timeout: (milliseconds: number) => AbortSignal}}
 */
const withTimeouts = /** @type {any} its own declaration has no such method */ (AbortSignal);

/** What a status says where the body says nothing. */
const codes = new Map([
  [401, "UNAUTHENTICATED"],
  [403, "FORBIDDEN"],
  [404, "NOT_FOUND"],
  [409, "CONFLICT"],
  [429, "RATE_LIMITED"],
]);

/** Calls the REST interface and turns every failure into a {@link RingbackError}. */
export class Rest {
  #base;
  #fetch;
  #token;

  /** How far the server's clock is ahead of this one, in milliseconds; to the second. */
  clockOffsetMs = 0;

  /**
   * @param {string} base the server's origin
   * @param {(rejected?: string) => Promise<string | null>} token gives an access token
   * @param {typeof fetch} [fetchFunction]
   */
  constructor(base, token, fetchFunction = (input, init) => globalThis.fetch(input, init)) {
    this.#base = base;
    this.#token = token;
    this.#fetch = fetchFunction;
  }

  /**
   * A request without credentials.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {Record<string, string>} [fields] further fields of the head
   * @returns {Promise<any>} the answer's body, of the type that the route has; `{}` when there is none
   */
  async open(method, path, body, fields) {
    const response = await this.#send(method, path, body, null, fields);
    return this.#read(response);
  }

  /**
   * A request as the person who is signed in. A token that the server turns away is refreshed once.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {Record<string, string>} [fields] further fields of the head
   * @returns {Promise<any>} the answer's body, of the type that the route has; `{}` when there is none
   */
  async signed(method, path, body, fields) {
    const token = await this.#token();
    if (!token) throw new RingbackError("UNAUTHENTICATED", "Nobody is signed in.", { status: 401 });
    let response = await this.#send(method, path, body, token, fields);
    if (response.status === 401) {
      const second = await this.#token(token);
      if (second) response = await this.#send(method, path, body, second, fields);
    }
    return this.#read(response);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object | undefined} body
   * @param {string | null} token
   * @param {Record<string, string>} [fields]
   */
  async #send(method, path, body, token, fields = {}) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json", ...fields };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token) headers.Authorization = `Bearer ${token}`;
    try {
      const response = await this.#fetch(new URL(path, this.#base), {
        method,
        headers,
        body: body === undefined ? undefined : encode(body),
        cache: "no-store",
        signal: withTimeouts.timeout(timeoutMs),
      });
      const serverTime = Date.parse(response.headers.get("Date") ?? "");
      if (!Number.isNaN(serverTime)) this.clockOffsetMs = serverTime - Date.now();
      return response;
    } catch (cause) {
      const late = cause instanceof Error && cause.name === "TimeoutError";
      const code = late ? "TIMEOUT" : "OFFLINE";
      throw new RingbackError(code, "The server cannot be reached.", { retryable: true, cause });
    }
  }

  /**
   * @param {Response} response
   * @returns {Promise<any>} of the type that the route has, which callers say
   */
  async #read(response) {
    const text = await response.text();
    /** @type {Partial<Wire.Error>} */
    let body = {};
    try {
      body = text ? JSON.parse(text) : {};
    } catch {
      // A proxy's page, not an answer of the server: the status says enough.
    }
    if (response.ok) return body;
    if (body.code) throw RingbackError.fromWire(body, response.status);
    const code = codes.get(response.status) ?? (response.status >= 500 ? "UNAVAILABLE" : "INVALID");
    throw new RingbackError(code, `The server answered with ${response.status}.`, {
      status: response.status,
      retryable: response.status >= 500 || response.status === 429,
      retryAfterMs: 1000 * Number(response.headers.get("Retry-After") ?? 0) || 0,
    });
  }
}
