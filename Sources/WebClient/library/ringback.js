// The Ringback client library: see docs/web-client.md.

export { RingbackClient } from "./client.js";
export { Contacts } from "./contacts.js";
export { CallConnection } from "./call-connection.js";
export { Emitter } from "./emitter.js";
export { RingbackError, hasCode } from "./errors.js";
export { RingbackSocket } from "./socket.js";
export { LocalMedia, canShareScreen } from "./local-media.js";
export { MemoryStorage, SessionStore, storageNamed } from "./session-store.js";
export {
  describeDevice,
  isConnectedElsewhere,
  isConnectedHere,
  isOpen,
  isRingingFor,
  newId,
  participantOf,
  peerOf,
  uint64,
} from "./wire.js";
export { callPowers, canJoin, isGroupCall, lobbyOf, powersOver, rosterOf } from "./roster.js";
