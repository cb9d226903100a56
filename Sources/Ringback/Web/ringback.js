// The Ringback client library: see docs/web-client.md.

export { RingbackClient } from "./ringback/client.js";
export { Contacts } from "./ringback/contacts.js";
export { CallConnection } from "./ringback/call-connection.js";
export { RingbackError } from "./ringback/errors.js";
export { RingbackSocket } from "./ringback/socket.js";
export { LocalMedia, canShareScreen } from "./ringback/local-media.js";
export { MemoryStorage, SessionStore, storageNamed } from "./ringback/session-store.js";
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
} from "./ringback/wire.js";
export { callPowers, canJoin, isGroupCall, lobbyOf, powersOver, rosterOf } from "./ringback/roster.js";
