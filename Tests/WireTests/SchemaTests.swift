import Foundation
import SwiftProtobuf
import Testing
import Wire

/// Both encodings carry the same schema: each can express everything that the other can.
@Suite struct SchemaTests {
    static let types: [any Message.Type] = [
        WireRegisterRequest.self, WireLoginRequest.self, WireRefreshRequest.self, WireCredentials.self,
        WireSession.self, WireSessionList.self, WireUserList.self, WireConversation.self,
        WireOpenConversationRequest.self, WireConversationList.self, WireMessageList.self, WireCallList.self,
        WireHealth.self, WireClientFrame.self, WireServerFrame.self, WireOk.self, WireError.self, WireEvent.self,
        WireHello.self, WireDevice.self, WireResume.self, WireWelcome.self, WireLimits.self, WireIceServer.self,
        WirePing.self, WirePong.self, WireUser.self, WireCall.self, WireCallParticipant.self, WireMediaState.self,
        WireScreenShare.self, WireCallInvite.self, WireCallRinging.self, WireCallAccept.self, WireCallDecline.self,
        WireCallCancel.self, WireCallHangUp.self, WireCallMove.self, WireCallFetch.self, WireCallSetMedia.self,
        WireDescription.self, WireCandidate.self, WireSendDescription.self, WireSendCandidate.self,
        WireStartScreenShare.self, WireStopScreenShare.self, WireCallIncoming.self, WireCallUpdated.self,
        WireCallChanged.self, WireParticipantShown.self, WireCallState.self, WireScreenShares.self,
        WireJoinRequests.self, WireCallGone.self,
        WireCallRingStopped.self, WireCallMoved.self, WireDescriptionReceived.self, WireCandidateReceived.self,
        WireMessage.self, WireSendMessage.self, WireMessageReceived.self, WireCallJoin.self, WireCallAdd.self,
        WireCallHold.self, WireCallRaiseHand.self, WireCallSetRole.self, WireCallStopMedia.self, WireCallRemove.self,
        WireCallLock.self, WireCallAdmit.self, WireCallEnd.self, WireOfferUnanswered.self, WireMediaStopped.self,
        WireJoinDenied.self, WireAddMembersRequest.self, WireBlockList.self, WireCallDetails.self, WireCallRecord.self,
        WireCallSettings.self, WireCallSummary.self, WireChangeCallSettingsRequest.self, WireChangeMemberRequest.self,
        WireContact.self, WireContactList.self, WireIceServerList.self, WireMissedCalls.self,
        WirePushTokenRequest.self, WireRequestContactRequest.self, WireScreenShareRecord.self,
        WireSeenMissedCallsRequest.self, WireGroupInvitation.self, WireGroupInvitationList.self,
        WireInvitationReceived.self,
    ]

    @Test func everyMessageOfTheSchemaIsTested() throws {
        var declared: Set<String> = []
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Wire/Proto")
        for file in ["ringback.proto", "rest.proto"] {
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            for line in text.split(separator: "\n") where line.hasPrefix("message ") {
                declared.insert("ringback.v1.\(line.split(separator: " ")[1])".replacing("{}", with: ""))
            }
        }
        #expect(declared == Set(Self.types.map { $0.protoMessageName }))
    }

    @Test(arguments: 0..<types.count)
    func bothEncodingsGiveTheSameMessage(index: Int) throws {
        var generator = SeededGenerator(seed: UInt64(index) + 1)
        for _ in 0..<200 { try roundTrip(Self.types[index], using: &generator) }
    }

    private func roundTrip<M: Message>(_ type: M.Type, using generator: inout SeededGenerator) throws {
        let message = try M.random(using: &generator)
        let binary = try Encoding.protobuf.decode(M.self, from: Encoding.protobuf.encode(message))
        let text = try Encoding.json.decode(M.self, from: Encoding.json.encode(message))
        try #require(binary.isEqualTo(message: message))
        try #require(text.isEqualTo(message: message))
        // And across: what came in one encoding can go out in the other.
        let crossed = try Encoding.protobuf.decode(M.self, from: Encoding.protobuf.encode(text))
        try #require(crossed.isEqualTo(message: binary))
    }

    @Test func theRandomMessagesReachEveryCommand() throws {
        var generator = SeededGenerator(seed: 7)
        var seen: Set<String> = []
        for _ in 0..<2000 {
            let frame = try WireClientFrame.random(using: &generator)
            if let command = frame.command { seen.insert(String("\(command)".prefix { $0 != "(" })) }
        }
        #expect(seen.count == 26)
    }
}
