// A short account of a connection from its statistics. Pure.

/**
 * @typedef {object} CallStats
 * @property {number | null} roundTripMs of the path in use
 * @property {string | null} path types of the candidates in use, "host/srflx"
 * @property {{energy: number, packets: number, lost: number}} audio received; `energy` grows while there is sound
 * @property {{framesDecoded: number, width: number, height: number}} camera received
 * @property {{framesDecoded: number, width: number, height: number}} screen received
 * @property {{audioPackets: number, framesEncoded: number}} sent
 */

/**
 * What of an entry of an `RTCStatsReport` is looked at.
 * @typedef {object} StatsEntry
 * @property {string} id
 * @property {string} type
 * @property {string} [kind]
 * @property {string | null} [mid]
 * @property {number} [totalAudioEnergy]
 * @property {number} [packetsReceived]
 * @property {number} [packetsLost]
 * @property {number} [packetsSent]
 * @property {number} [framesDecoded]
 * @property {number} [framesEncoded]
 * @property {number} [frameWidth]
 * @property {number} [frameHeight]
 * @property {boolean} [nominated]
 * @property {string} [state]
 * @property {number} [currentRoundTripTime] in seconds
 * @property {string} [localCandidateId]
 * @property {string} [remoteCandidateId]
 * @property {string} [candidateType]
 */

/**
 * Sums a statistics report up.
 * @param {Iterable<StatsEntry>} report the values of an `RTCStatsReport`
 * @param {string | null} screenMid the media section that carries the other side's screen
 * @returns {CallStats}
 */
export function summarise(report, screenMid) {
  /** @type {Map<string | undefined, StatsEntry>} */
  const all = new Map();
  for (const entry of report) all.set(entry.id, entry);
  const video = () => ({ framesDecoded: 0, width: 0, height: 0 });
  /** @type {CallStats} */
  const result = {
    roundTripMs: null,
    path: null,
    audio: { energy: 0, packets: 0, lost: 0 },
    camera: video(),
    screen: video(),
    sent: { audioPackets: 0, framesEncoded: 0 },
  };
  for (const entry of all.values()) {
    if (entry.type === "inbound-rtp" && entry.kind === "audio") {
      result.audio.energy += entry.totalAudioEnergy ?? 0;
      result.audio.packets += entry.packetsReceived ?? 0;
      result.audio.lost += entry.packetsLost ?? 0;
    } else if (entry.type === "inbound-rtp" && entry.kind === "video") {
      const target = screenMid !== null && entry.mid === screenMid ? result.screen : result.camera;
      target.framesDecoded += entry.framesDecoded ?? 0;
      target.width = entry.frameWidth || target.width;
      target.height = entry.frameHeight || target.height;
    } else if (entry.type === "outbound-rtp") {
      if (entry.kind === "audio") result.sent.audioPackets += entry.packetsSent ?? 0;
      else result.sent.framesEncoded += entry.framesEncoded ?? 0;
    } else if (entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded") {
      if (entry.currentRoundTripTime !== undefined) result.roundTripMs = Math.round(entry.currentRoundTripTime * 1000);
      const local = all.get(entry.localCandidateId)?.candidateType;
      const remote = all.get(entry.remoteCandidateId)?.candidateType;
      if (local && remote) result.path = `${local}/${remote}`;
    }
  }
  return result;
}
