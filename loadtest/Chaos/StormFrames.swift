import SwiftProtobuf
import Wire

/// The frames of a storm's commands.
enum StormFrames {
    static let media = WireMediaState.with { $0.microphone = true }

    static func invite(_ user: String, name: String) -> WireClientFrame {
        .with {
            $0.callInvite.clientCallID = name
            $0.callInvite.userID = user
            $0.callInvite.type = .video
            $0.callInvite.media = media
        }
    }

    static func message(_ body: String, to user: String, name: String) -> WireClientFrame {
        .with {
            $0.sendMessage.clientMessageID = name
            $0.sendMessage.userID = user
            $0.sendMessage.body = body
        }
    }

    /// The command of an action in a call.
    static func command(_ action: StormAction, call: String, name: String) -> WireClientFrame {
        .with {
            switch action {
            case .ringing: $0.callRinging.callID = call
            case .accept:
                $0.callAccept.commandID = name
                $0.callAccept.callID = call
                $0.callAccept.media = media
            case .decline:
                $0.callDecline.commandID = name
                $0.callDecline.callID = call
            case .cancel:
                $0.callCancel.commandID = name
                $0.callCancel.callID = call
            case .hangUp:
                $0.callHangUp.commandID = name
                $0.callHangUp.callID = call
            case .move:
                $0.callMove.commandID = name
                $0.callMove.callID = call
                $0.callMove.media = media
            case .join:
                $0.callJoin.commandID = name
                $0.callJoin.callID = call
                $0.callJoin.media = media
            case .add(let users):
                $0.callAdd.commandID = name
                $0.callAdd.callID = call
                $0.callAdd.userIds = users
            case .startShare:
                $0.startScreenShare.commandID = name
                $0.startScreenShare.callID = call
            case .stopShare:
                $0.stopScreenShare.commandID = name
                $0.stopScreenShare.callID = call
            case .fetch: $0.callFetch.callID = call
            case .invite, .message: break
            }
        }
    }

    static func candidate(_ text: String, call: String, to user: String) -> WireClientFrame {
        .with {
            $0.sendCandidate.callID = call
            $0.sendCandidate.userID = user
            $0.sendCandidate.candidate.candidate = text
            $0.sendCandidate.candidate.peerConnectionID = "storm"
        }
    }

    static func description(_ type: WireDescriptionType, call: String, to user: String) -> WireClientFrame {
        .with {
            $0.sendDescription.callID = call
            $0.sendDescription.userID = user
            $0.sendDescription.description_p.type = type
            $0.sendDescription.description_p.sdp = "v=0"
            $0.sendDescription.description_p.peerConnectionID = "storm"
        }
    }
}
