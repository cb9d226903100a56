// When to come back after a lost connection. Pure.

/** The first delay, in milliseconds. */
export const firstDelayMs = 1_000;
/** The longest delay, in milliseconds. */
export const longestDelayMs = 30_000;

/**
 * How long to wait before a try: 1 s, doubled each time up to 30 s, of which half is left to chance, so
 * that the clients of a restarted server do not all come back at once.
 * @param {number} attempt failed tries so far, from 0
 * @param {number} random from 0 to 1
 * @returns {number} milliseconds
 */
export function backoffDelay(attempt, random) {
  const whole = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(Math.max(attempt, 0), 16));
  return Math.round(whole / 2 + (whole / 2) * Math.min(Math.max(random, 0), 1));
}

/**
 * Whether a closed socket is to be opened again. The server closes with 4500 to 4999 when coming back is
 * of no use until something changes.
 * @param {number} closeCode
 */
export function mayComeBack(closeCode) {
  return !(closeCode >= 4500 && closeCode <= 4999);
}

/** The access token is not in force. */
export const closedUnauthenticated = 4501;

/**
 * Whether a closed socket means that the sign-in is over (4501, 4502). After the other codes that allow no
 * coming back the person is still signed in: another socket of this device took over, for instance.
 * @param {number} closeCode
 */
export function endsSignIn(closeCode) {
  return closeCode === closedUnauthenticated || closeCode === 4502;
}
