// The STUN and TURN servers, with credentials that are renewed before they end.

/** Credentials with less than this left are renewed before they are used, in milliseconds. */
export const renewalMarginMs = 60_000;
/** A renewal that takes longer holds nothing up, in milliseconds: the old servers, or a direct path, may do. */
export const renewalPatienceMs = 3_000;

/**
 * When the first of the credentials ends, in milliseconds since 1970; null when none does. TURN servers that share a
 * secret with the server read it in the user name, as `EXPIRY:USER`, in seconds.
 * @param {RTCIceServer[]} servers
 * @returns {number | null}
 */
export function expiryOf(servers) {
  const ends = servers.map(({ username }) => /^(\d{1,12}):/.exec(username ?? "")?.[1]);
  const known = ends.flatMap((end) => (end === undefined ? [] : Number(end)));
  return known.length ? Math.min(...known) * 1000 : null;
}

/** Keeps the servers of one person. */
export class IceServers {
  #fetch;
  #now;
  /** @type {Promise<void> | null} */
  #inFlight = null;

  /**
   * What goes into an RTCPeerConnection.
   * @type {RTCIceServer[]}
   */
  list = [];

  /**
   * @param {object} options
   * @param {() => Promise<Wire.IceServer[] | undefined>} options.fetch asks the server for fresh ones
   * @param {() => number} [options.now] milliseconds since 1970, by the server's clock as far as known
   */
  constructor({ fetch, now = Date.now }) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /**
   * Takes servers as the server names them.
   * @param {Wire.IceServer[] | undefined} servers
   */
  take(servers) {
    // An answer to a question that was asked before is older than these.
    this.#inFlight = null;
    this.list = (servers ?? []).flatMap(({ urls = [], ...more }) => (urls.length ? [{ urls, ...more }] : []));
  }

  /**
   * Makes sure of credentials that last for a while; asks the server only when they do not. Comes back after a while in
   * any case, and never rejects: without the server there are still the old ones.
   */
  async renew() {
    const end = expiryOf(this.list);
    if (end === null || end - this.#now() > renewalMarginMs) return;
    this.#inFlight ??= this.#renewOnce();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, renewalPatienceMs);
    });
    await Promise.race([this.#inFlight, patience]);
    clearTimeout(timer);
  }

  #renewOnce() {
    /** @type {Promise<void>} */
    const renewal = this.#fetch().then(
      (servers) => {
        if (this.#inFlight === renewal) this.take(servers);
      },
      () => {
        if (this.#inFlight === renewal) this.#inFlight = null;
      },
    );
    return renewal;
  }
}
