package import Accounts
package import Messaging
package import Primitives
import SignalingCore
package import SignalingService
import SwiftProtobuf
package import Wire

/// Where a frame has come from.
package protocol FrameSource: AnyObject, Sendable {
    /// Distinguishes it from every other source in this process.
    var number: UInt64 { get }
    /// Receives an answer. May be called from any thread and returns at once.
    func reply(_ frame: WireServerFrame)
}

/// Passes the commands of admitted clients to the services that carry them out.
///
/// It knows who sent a frame, but no socket: a frame may also come from another node.
package struct FrameDispatcher: Sendable {
    private let messaging: MessagingService
    private let calls: CallService
    private let limits: FieldLimits
    private let now: @Sendable () -> Instant

    /// Joins the services that handle commands.
    package init(
        messaging: MessagingService, calls: CallService, limits: FieldLimits, now: @escaping @Sendable () -> Instant
    ) {
        self.messaging = messaging
        self.calls = calls
        self.limits = limits
        self.now = now
    }

    /// Has a command carried out. Frames that one thread passes in succession keep their order.
    ///
    /// - Parameters:
    ///   - identity: Who sent it, from which device.
    ///   - source: Where its answer goes, unless it is returned at once. Answers about calls are routed by its number.
    /// - Returns: The answer, if no service has to be asked.
    package func carryOut(
        _ frame: WireClientFrame, of identity: Identity, from source: any FrameSource
    ) -> WireServerFrame? {
        let command: ClientCommand
        do throws(Fault) {
            command = try ClientCommand(wire: frame.command, from: identity.user, limits: limits)
        } catch {
            return .error(error, replyTo: frame.id)
        }
        let id = frame.id
        switch command {
        case .ping:
            return id == 0 ? nil : .ok(.pong(.with { $0.serverTime = .init(now()) }), replyTo: id)
        case .call(let request):
            let origin = CallOrigin(user: identity.user, device: identity.device)
            calls.submit(
                request, from: identity.profile,
                replyTo: ReplyTo(origin, socket: source.number, request: id, mayChangeCall: request.mayChangeCall))
        case .send(let draft):
            messaging.send(draft, from: identity.user, device: identity.device) { result in
                if id == 0, case .success = result { return }
                source.reply(WireServerFrame(result, replyTo: id))
            }
        }
        return nil
    }
}
