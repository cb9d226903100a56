// Made by scripts/wire-types.mjs from Sources/Wire/Proto: the wire schema in canonical protobuf JSON.

declare namespace Wire {
  interface ClientFrame {
    id?: number;
    ack?: string;
    hello?: Hello;
    ping?: Ping;
    callInvite?: CallInvite;
    callRinging?: CallRinging;
    callAccept?: CallAccept;
    callDecline?: CallDecline;
    callCancel?: CallCancel;
    callHangUp?: CallHangUp;
    callMove?: CallMove;
    callFetch?: CallFetch;
    callSetMedia?: CallSetMedia;
    sendDescription?: SendDescription;
    sendCandidate?: SendCandidate;
    startScreenShare?: StartScreenShare;
    stopScreenShare?: StopScreenShare;
    callJoin?: CallJoin;
    callAdd?: CallAdd;
    callHold?: CallHold;
    callRaiseHand?: CallRaiseHand;
    callSetRole?: CallSetRole;
    callStopMedia?: CallStopMedia;
    callRemove?: CallRemove;
    callLock?: CallLock;
    callAdmit?: CallAdmit;
    callEnd?: CallEnd;
    sendMessage?: SendMessage;
  }

  interface ServerFrame {
    seq?: string;
    replyTo?: number;
    ok?: Ok;
    error?: Error;
    event?: Event;
  }

  interface Ok {
    welcome?: Welcome;
    pong?: Pong;
    call?: Call;
    message?: Message;
  }

  interface Error {
    code: ErrorCode;
    message?: string;
    retryable?: boolean;
    retryAfterMs?: number;
    call?: Call;
  }

  type ErrorCode =
    | "ERROR_CODE_UNSPECIFIED"
    | "ERROR_CODE_INVALID"
    | "ERROR_CODE_UNSUPPORTED"
    | "ERROR_CODE_UNAUTHENTICATED"
    | "ERROR_CODE_FORBIDDEN"
    | "ERROR_CODE_NOT_FOUND"
    | "ERROR_CODE_CONFLICT"
    | "ERROR_CODE_CALL_ENDED"
    | "ERROR_CODE_ANSWERED_ELSEWHERE"
    | "ERROR_CODE_TOO_LARGE"
    | "ERROR_CODE_RATE_LIMITED"
    | "ERROR_CODE_UNAVAILABLE"
    | "ERROR_CODE_INTERNAL";

  interface Event {
    callIncoming?: CallIncoming;
    callUpdated?: CallUpdated;
    callRingStopped?: CallRingStopped;
    callMoved?: CallMoved;
    descriptionReceived?: DescriptionReceived;
    candidateReceived?: CandidateReceived;
    messageReceived?: MessageReceived;
    offerUnanswered?: OfferUnanswered;
    mediaStopped?: MediaStopped;
    joinDenied?: JoinDenied;
    invitationReceived?: InvitationReceived;
    callChanged?: CallChanged;
    callGone?: CallGone;
  }

  interface Hello {
    accessToken?: string;
    device?: Device;
    resume?: Resume;
  }

  interface Device {
    id: string;
    name?: string;
  }

  interface Resume {
    token?: string;
    lastSeq?: string;
  }

  interface Welcome {
    serverTime?: string;
    user?: User;
    sessionId?: string;
    recovered?: boolean;
    resumeToken?: string;
    resumeLifetimeMs?: number;
    pingIntervalMs?: number;
    features?: string[];
    limits?: Limits;
    calls?: Call[];
    iceServers?: IceServer[];
  }

  interface Limits {
    frameBytes?: number;
    descriptionBytes?: number;
    candidateBytes?: number;
    messageBytes?: number;
    commandsPerSecond?: number;
    invitesPerMinute?: number;
  }

  interface IceServer {
    urls?: string[];
    username?: string;
    credential?: string;
  }

  interface Ping {
  }

  interface Pong {
    serverTime?: string;
  }

  interface User {
    id: string;
    username?: string;
    displayName?: string;
    avatarUrl?: string;
  }

  interface Call {
    id: string;
    conversationId?: string;
    initiatorId?: string;
    type?: CallType;
    status: CallStatus;
    revision?: string;
    startedAt?: string;
    answeredAt?: string;
    endedAt?: string;
    ringExpiresAt?: string;
    endReason?: CallEndReason;
    participants?: CallParticipant[];
    screenShares?: ScreenShare[];
    clientCallId?: string;
    mediaPath?: MediaPath;
    mode?: CallMode;
    locked?: boolean;
    joinRequests?: User[];
  }

  type CallMode =
    | "CALL_MODE_UNSPECIFIED"
    | "CALL_MODE_DIRECT"
    | "CALL_MODE_GROUP";

  type CallType =
    | "CALL_TYPE_UNSPECIFIED"
    | "CALL_TYPE_VOICE"
    | "CALL_TYPE_VIDEO";

  type CallStatus =
    | "CALL_STATUS_UNSPECIFIED"
    | "CALL_STATUS_INITIATED"
    | "CALL_STATUS_ONGOING"
    | "CALL_STATUS_COMPLETED"
    | "CALL_STATUS_MISSED";

  type CallEndReason =
    | "CALL_END_REASON_UNSPECIFIED"
    | "CALL_END_REASON_NO_ANSWER"
    | "CALL_END_REASON_DECLINED"
    | "CALL_END_REASON_BUSY"
    | "CALL_END_REASON_CANCELLED"
    | "CALL_END_REASON_CALLER_DISCONNECTED"
    | "CALL_END_REASON_HANGUP"
    | "CALL_END_REASON_DISCONNECTED"
    | "CALL_END_REASON_ICE_FAILED"
    | "CALL_END_REASON_MAX_DURATION"
    | "CALL_END_REASON_SERVER_RESTART"
    | "CALL_END_REASON_ALONE"
    | "CALL_END_REASON_EMPTY"
    | "CALL_END_REASON_ENDED_BY_HOST";

  type MediaPath =
    | "MEDIA_PATH_UNSPECIFIED"
    | "MEDIA_PATH_PEER"
    | "MEDIA_PATH_FORWARDED";

  interface CallParticipant {
    user: User;
    status?: ParticipantStatus;
    joinedAt?: string;
    leftAt?: string;
    leaveReason?: LeaveReason;
    deviceId?: string;
    alerted?: boolean;
    reconnecting?: boolean;
    polite?: boolean;
    media?: MediaState;
    role?: ParticipantRole;
    onHold?: boolean;
    handRaisedAt?: string;
  }

  type ParticipantRole =
    | "PARTICIPANT_ROLE_UNSPECIFIED"
    | "PARTICIPANT_ROLE_PARTICIPANT"
    | "PARTICIPANT_ROLE_CO_HOST"
    | "PARTICIPANT_ROLE_HOST";

  type ParticipantStatus =
    | "PARTICIPANT_STATUS_UNSPECIFIED"
    | "PARTICIPANT_STATUS_RINGING"
    | "PARTICIPANT_STATUS_CONNECTED"
    | "PARTICIPANT_STATUS_DECLINED"
    | "PARTICIPANT_STATUS_LEFT";

  type LeaveReason =
    | "LEAVE_REASON_UNSPECIFIED"
    | "LEAVE_REASON_DECLINED"
    | "LEAVE_REASON_BUSY"
    | "LEAVE_REASON_NO_ANSWER"
    | "LEAVE_REASON_CANCELLED"
    | "LEAVE_REASON_CALL_ENDED"
    | "LEAVE_REASON_HANGUP"
    | "LEAVE_REASON_DISCONNECTED"
    | "LEAVE_REASON_ICE_FAILED"
    | "LEAVE_REASON_REMOVED"
    | "LEAVE_REASON_KICKED";

  interface MediaState {
    microphone?: boolean;
    camera?: boolean;
  }

  interface ScreenShare {
    sharerId: string;
    startedAt?: string;
  }

  interface CallInvite {
    clientCallId?: string;
    userId?: string;
    type?: CallType;
    media?: MediaState;
    conversationId?: string;
    userIds?: string[];
  }

  interface CallRinging {
    callId: string;
    wokenByPush?: boolean;
  }

  interface CallAccept {
    commandId?: string;
    callId: string;
    media?: MediaState;
  }

  interface CallDecline {
    commandId?: string;
    callId: string;
    busy?: boolean;
  }

  interface CallCancel {
    commandId?: string;
    callId: string;
  }

  interface CallHangUp {
    commandId?: string;
    callId: string;
    mediaFailed?: boolean;
  }

  interface CallMove {
    commandId?: string;
    callId: string;
    media?: MediaState;
  }

  interface CallJoin {
    commandId?: string;
    callId: string;
    media?: MediaState;
  }

  interface CallAdd {
    commandId?: string;
    callId: string;
    userIds?: string[];
  }

  interface CallHold {
    callId: string;
    onHold?: boolean;
  }

  interface CallRaiseHand {
    callId: string;
    raised?: boolean;
    userId?: string;
  }

  interface CallSetRole {
    commandId?: string;
    callId: string;
    userId?: string;
    role?: ParticipantRole;
  }

  type Medium =
    | "MEDIUM_UNSPECIFIED"
    | "MEDIUM_MICROPHONE"
    | "MEDIUM_CAMERA"
    | "MEDIUM_SCREEN";

  interface CallStopMedia {
    commandId?: string;
    callId: string;
    userId?: string;
    medium?: Medium;
  }

  interface CallRemove {
    commandId?: string;
    callId: string;
    userId?: string;
    bar?: boolean;
  }

  interface CallLock {
    commandId?: string;
    callId: string;
    locked?: boolean;
  }

  interface CallAdmit {
    commandId?: string;
    callId: string;
    userId?: string;
    admit?: boolean;
  }

  interface CallEnd {
    commandId?: string;
    callId: string;
  }

  interface CallFetch {
    callId: string;
  }

  interface CallSetMedia {
    callId: string;
    media?: MediaState;
  }

  type DescriptionType =
    | "DESCRIPTION_TYPE_UNSPECIFIED"
    | "DESCRIPTION_TYPE_OFFER"
    | "DESCRIPTION_TYPE_ANSWER"
    | "DESCRIPTION_TYPE_ROLLBACK";

  interface Description {
    type?: DescriptionType;
    sdp?: string;
    peerConnectionId?: string;
    generation?: number;
  }

  interface Candidate {
    candidate?: string;
    sdpMid?: string;
    sdpMLineIndex?: number;
    usernameFragment?: string;
    peerConnectionId?: string;
    generation?: number;
  }

  interface SendDescription {
    callId: string;
    userId?: string;
    description?: Description;
  }

  interface SendCandidate {
    callId: string;
    userId?: string;
    candidate?: Candidate;
  }

  interface StartScreenShare {
    commandId?: string;
    callId: string;
  }

  interface StopScreenShare {
    commandId?: string;
    callId: string;
  }

  interface CallIncoming {
    call: Call;
  }

  interface CallUpdated {
    call: Call;
  }

  interface CallChanged {
    callId: string;
    revision?: string;
    baseRevision?: string;
    participants?: CallParticipant[];
    shown?: ParticipantShown[];
    state?: CallState;
    screenShares?: ScreenShares;
    joinRequests?: JoinRequests;
  }

  interface ParticipantShown {
    userId: string;
    alerted?: boolean;
    reconnecting?: boolean;
    media?: MediaState;
    onHold?: boolean;
    handRaisedAt?: string;
  }

  interface CallState {
    status: CallStatus;
    answeredAt?: string;
    endedAt?: string;
    endReason?: CallEndReason;
    ringExpiresAt?: string;
    mode?: CallMode;
    locked?: boolean;
  }

  interface ScreenShares {
    shares?: ScreenShare[];
  }

  interface JoinRequests {
    users?: User[];
  }

  type RingStopReason =
    | "RING_STOP_REASON_UNSPECIFIED"
    | "RING_STOP_REASON_ANSWERED_ELSEWHERE"
    | "RING_STOP_REASON_DECLINED_ELSEWHERE"
    | "RING_STOP_REASON_CANCELLED"
    | "RING_STOP_REASON_NO_ANSWER"
    | "RING_STOP_REASON_CALLER_DISCONNECTED"
    | "RING_STOP_REASON_CALL_ENDED"
    | "RING_STOP_REASON_REMOVED";

  interface CallRingStopped {
    reason?: RingStopReason;
    call: Call;
  }

  interface CallGone {
    callId: string;
  }

  interface CallMoved {
    call: Call;
  }

  interface OfferUnanswered {
    callId: string;
    userId?: string;
  }

  interface MediaStopped {
    callId: string;
    byUserId?: string;
    medium?: Medium;
  }

  interface JoinDenied {
    callId: string;
  }

  interface DescriptionReceived {
    callId: string;
    fromUserId?: string;
    description?: Description;
  }

  interface CandidateReceived {
    callId: string;
    fromUserId?: string;
    candidate?: Candidate;
  }

  interface Message {
    id: string;
    conversationId: string;
    seq?: string;
    senderId?: string;
    clientMessageId?: string;
    type?: MessageType;
    body?: string;
    createdAt?: string;
    call?: CallSummary;
  }

  interface CallSummary {
    callId: string;
    type?: CallType;
    status?: CallStatus;
    endReason?: CallEndReason;
    durationSeconds?: number;
    initiatorId?: string;
  }

  type MessageType =
    | "MESSAGE_TYPE_UNSPECIFIED"
    | "MESSAGE_TYPE_TEXT"
    | "MESSAGE_TYPE_SYSTEM";

  interface SendMessage {
    clientMessageId?: string;
    conversationId?: string;
    userId?: string;
    body?: string;
  }

  interface MessageReceived {
    message: Message;
  }

  interface GroupInvitation {
    conversationId: string;
    name?: string;
    inviter: User;
    memberCount?: number;
    createdAt?: string;
  }

  interface InvitationReceived {
    invitation: GroupInvitation;
  }

  interface RegisterRequest {
    username?: string;
    password?: string;
    displayName?: string;
    device?: Device;
  }

  interface LoginRequest {
    username?: string;
    password?: string;
    device?: Device;
  }

  interface RefreshRequest {
    refreshToken?: string;
  }

  interface Credentials {
    user: User;
    sessionId?: string;
    accessToken: string;
    accessTokenExpiresAt?: string;
    refreshToken?: string;
    refreshTokenExpiresAt?: string;
  }

  interface Session {
    id: string;
    device: Device;
    createdAt?: string;
    lastActivityAt?: string;
    expiresAt?: string;
    ipAddress?: string;
    userAgent?: string;
    current?: boolean;
  }

  interface SessionList {
    sessions?: Session[];
  }

  interface UserList {
    users?: User[];
  }

  interface Conversation {
    id: string;
    type?: ConversationType;
    members?: User[];
    lastSeq?: string;
    lastMessage?: Message;
    createdAt?: string;
    name?: string;
    roles?: MemberRole[];
    invited?: User[];
  }

  type MemberRole =
    | "MEMBER_ROLE_UNSPECIFIED"
    | "MEMBER_ROLE_OWNER"
    | "MEMBER_ROLE_ADMIN"
    | "MEMBER_ROLE_MEMBER";

  type ConversationType =
    | "CONVERSATION_TYPE_UNSPECIFIED"
    | "CONVERSATION_TYPE_DIRECT"
    | "CONVERSATION_TYPE_GROUP";

  interface OpenConversationRequest {
    userId?: string;
    type?: ConversationType;
    clientConversationId?: string;
    name?: string;
    memberIds?: string[];
  }

  interface AddMembersRequest {
    userIds?: string[];
  }

  interface ChangeMemberRequest {
    role?: MemberRole;
  }

  interface ConversationList {
    conversations?: Conversation[];
    nextCursor?: string;
  }

  interface GroupInvitationList {
    invitations?: GroupInvitation[];
    nextCursor?: string;
  }

  interface MessageList {
    messages?: Message[];
    hasMore?: boolean;
  }

  interface CallList {
    calls?: Call[];
    nextCursor?: string;
    records?: CallRecord[];
  }

  interface CallRecord {
    callId: string;
    durationSeconds?: number;
    missed?: boolean;
    screenShares?: ScreenShareRecord[];
  }

  interface ScreenShareRecord {
    sharerId: string;
    startedAt?: string;
    endedAt?: string;
    endReason?: string;
  }

  interface CallDetails {
    call?: Call;
    record?: CallRecord;
  }

  interface MissedCalls {
    unseen?: number;
  }

  interface SeenMissedCallsRequest {
    callId?: string;
  }

  interface Health {
    status?: string;
    version?: string;
    problems?: string[];
  }

  interface IceServerList {
    iceServers?: IceServer[];
    expiresAt?: string;
    ttlSeconds?: number;
  }

  interface Contact {
    user: User;
    status?: ContactStatus;
    createdAt?: string;
  }

  type ContactStatus =
    | "CONTACT_STATUS_UNSPECIFIED"
    | "CONTACT_STATUS_REQUESTED"
    | "CONTACT_STATUS_RECEIVED"
    | "CONTACT_STATUS_ACCEPTED";

  interface RequestContactRequest {
    userId?: string;
  }

  interface ContactList {
    contacts?: Contact[];
    nextCursor?: string;
  }

  interface BlockList {
    users?: User[];
    nextCursor?: string;
  }

  interface CallSettings {
    callWaiting?: boolean;
    whoCanCall?: WhoCanCall;
  }

  type WhoCanCall =
    | "WHO_CAN_CALL_UNSPECIFIED"
    | "WHO_CAN_CALL_EVERYONE"
    | "WHO_CAN_CALL_CONTACTS"
    | "WHO_CAN_CALL_NOBODY";

  interface ChangeCallSettingsRequest {
    callWaiting?: boolean;
    whoCanCall?: WhoCanCall;
  }

  interface PushTokenRequest {
    pushToken?: string;
  }
}
