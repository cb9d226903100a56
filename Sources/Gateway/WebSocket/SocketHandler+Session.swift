import Accounts
import Delivery
import FrameDispatch
import Logging
import NIOCore
import Primitives
import Wire

extension SocketHandler {
    /// Where the session of a socket is.
    enum Session {
        /// Every message goes back; there is no admission. Can go to: ended.
        case echoing
        /// Nothing has come yet. Can go to: authenticating, ended.
        case greeting
        /// The access token is being checked. Can go to: welcoming, ended.
        case authenticating(Waiting)
        /// Admitted; the open calls are being looked up. Can go to: open, ended.
        case welcoming(Identity, Waiting)
        /// Commands are carried out. Can go to: ended.
        case open(Identity)
        /// Over. Can go to: nothing.
        case ended

        /// Whether events may be sent.
        var isOpen: Bool { if case .open = self { true } else { false } }
    }

    /// What came before the client was admitted.
    struct Waiting {
        /// The id of the hello frame.
        var hello: UInt32
        /// Where an earlier socket of the device stopped.
        var claim: ResumeClaim?
        /// The frames after it, in order. They are not processed before their sender is admitted.
        var frames: [[UInt8]] = []
        /// The size of those frames.
        var bytes = 0
    }

    // MARK: Frames

    /// Takes a message. What happens to it depends on its sender: a stranger may send one frame.
    func receive(_ bytes: [UInt8]) {
        switch session {
        case .greeting: greet(raw(bytes))
        case .authenticating(var waiting):
            guard keep(bytes, in: &waiting) else { return close(.misbehaved) }
            session = .authenticating(waiting)
        case .welcoming(let identity, var waiting):
            guard keep(bytes, in: &waiting) else { return close(.misbehaved) }
            session = .welcoming(identity, waiting)
        case .open(let identity): carryOut(raw(bytes), for: identity)
        case .echoing, .ended: break
        }
    }

    private func raw(_ bytes: [UInt8]) -> RawClientFrame { RawClientFrame(bytes, as: encoding) }

    /// Decodes a frame; a malformed one is answered here.
    private func decoded(_ raw: RawClientFrame) -> WireClientFrame? {
        do throws(WireFault) {
            return try raw.decoded()
        } catch {
            services.metrics.malformedFrames.add()
            malformedFrames += 1
            reply(.error(.invalid(error.message), replyTo: raw.id))
            if malformedFrames >= services.configuration.limits.malformedFrames { close(.misbehaved) }
            return nil
        }
    }

    private func keep(_ bytes: [UInt8], in waiting: inout Waiting) -> Bool {
        let limits = services.configuration.limits
        waiting.bytes += bytes.count
        waiting.frames.append(bytes)
        return waiting.frames.count <= limits.waitingFrames && waiting.bytes <= limits.frameBytes
    }

    // MARK: Hello

    private func greet(_ raw: RawClientFrame) {
        guard raw.isHello else {
            reply(.error(.invalid("The first frame must be hello."), replyTo: raw.id))
            return close(.misbehaved)
        }
        guard let frame = decoded(raw), case .hello(let hello)? = frame.command else { return }
        guard let device = DeviceID(hello.device.id), let port else {
            reply(.error(.invalid("device.id is not a UUID."), replyTo: frame.id))
            return close(.misbehaved)
        }
        let claim =
            hello.hasResume
            ? ResumeClaim(token: Redacted(hello.resume.token), lastSeq: hello.resume.lastSeq) : nil
        session = .authenticating(Waiting(hello: frame.id, claim: claim))
        liftGreetingLimit()
        note { $0.greeted(now: $1) }
        let token = Redacted(hello.accessToken)
        let accounts = services.accounts
        // The only task in a socket's life: it ends before the socket is open.
        Task {
            do throws(AccountError) {
                let identity = try await accounts.authenticate(token)
                port.admit(identity, saying: device)
            } catch {
                port.turnAway(error)
            }
        }
    }

    /// The token is valid.
    /// - Parameter device: What the client called its device.
    func admit(_ identity: Identity, saying device: DeviceID) {
        guard case .authenticating(let waiting) = session, let port else { return }
        guard device == identity.device else {
            let fault = Fault(.forbidden, "device.id is not the device that this session was opened for.")
            reply(.error(fault, replyTo: waiting.hello))
            return close(.unauthenticated)
        }
        let admission = services.registry.admit(
            port, of: identity, claim: waiting.claim, limit: services.configuration.limits.socketsPerUser
        ) { [services, hello = waiting.hello] resumption, calls in
            let welcome = services.welcome(identity, resumption, calls: calls)
            port.welcome(.ok(.welcome(welcome), replyTo: hello))
        }
        switch admission {
        case .admitted(let resumption, let replaced):
            services.metrics.count(resumption.outcome)
            session = .welcoming(identity, waiting)
            replaced?.close(.replaced)
            services.registry.announce(to: services.calls)
        case .tooManySockets:
            let fault = Fault(.rateLimited, "Too many of your devices are connected. Close one of them.")
            reply(.error(fault, replyTo: waiting.hello))
            close(.tooManySockets)
        case .revoked:
            reply(.error(Fault(.unauthenticated, "You are signed out. Log in again."), replyTo: waiting.hello))
            close(.unauthenticated)
        }
    }

    /// The token is not valid, or that could not be checked.
    func turnAway(_ error: AccountError) {
        guard case .authenticating(let waiting) = session else { return }
        let fault = Fault(error)
        reply(.error(fault, replyTo: waiting.hello))
        switch fault.code {
        case .unavailable: close(.unavailable)
        case .internal: close(.internalError)
        default: close(.unauthenticated)
        }
    }

    /// Sends the answer to hello, then the events that came meanwhile, then carries out the frames that came meanwhile.
    func welcome(_ bytes: [UInt8]) {
        guard case .welcoming(let identity, let waiting) = session else { return }
        session = .open(identity)
        note { $0.welcomed(now: $1) }
        reply(bytes)
        let events = heldEvents
        (heldEvents, heldBytes) = ([], 0)
        for event in events { send(event) }
        services.logger.debug(
            "socket open",
            metadata: [
                "user": "\(identity.user)", "device": "\(identity.device)", "encoding": "\(encoding.subprotocol)",
            ])
        for frame in waiting.frames {
            guard session.isOpen else { return }
            carryOut(raw(frame), for: identity, isEarly: true)
        }
    }

    /// The socket no longer exists for those who send events to it.
    func endSession() {
        switch session {
        case .echoing, .greeting, .authenticating: session = .ended
        case .welcoming(let identity, _), .open(let identity):
            session = .ended
            (heldEvents, heldBytes) = ([], 0)
            if let port { services.registry.leave(port, of: identity) }
            services.registry.announce(to: services.calls)
        case .ended: break
        }
    }

    // MARK: Commands

    /// Has a command carried out.
    /// - Parameter isEarly: Whether it was sent before the welcome, when the client could not know yet whether its
    ///   event count continues.
    private func carryOut(_ raw: RawClientFrame, for identity: Identity, isEarly: Bool = false) {
        guard mayCommand(raw), let port, let frame = decoded(raw) else { return }
        if frame.ack > 0, !isEarly { services.registry.acknowledge(frame.ack, by: port, of: identity) }
        if let answer = services.dispatcher.carryOut(frame, of: identity, from: port) { reply(answer) }
    }

    private func mayCommand(_ frame: RawClientFrame) -> Bool {
        services.metrics.commands.add()
        let now = HeartbeatWheel.now()
        if bucket.take(now: now) { return true }
        services.metrics.commandsLimited.add()
        let fault = Fault(.rateLimited, "Too many commands. Send fewer.", retryAfter: bucket.wait(now: now))
        reply(.error(fault, replyTo: frame.id))
        if !refusals.take(now: now) { close(.flooding) }
        return false
    }
}

extension SocketPort {
    fileprivate func admit(_ identity: Identity, saying device: DeviceID) {
        run { $0.admit(identity, saying: device) }
    }

    fileprivate func turnAway(_ error: AccountError) {
        run { $0.turnAway(error) }
    }
}
