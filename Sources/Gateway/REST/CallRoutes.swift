import Accounts
import FrameDispatch
import HTTPTypes
import Hummingbird
import Primitives
import SignalingCore
import SignalingService
import Storage
import SwiftProtobuf
import Wire

/// Past calls and missed calls.
struct CallRoutes: Sendable {
    let accounts: AccountService
    let calls: CallService

    var routes: [Route] {
        [
            Route(.get, "/v1/calls") { request throws(RESTFault) in
                let user = try await accounts.identity(of: request).user
                let filter = try Self.filter(of: request)
                let (cursor, limit) = try Self.page(of: request)
                let page = try await reading { () throws(DatabaseError) in
                    try await calls.history(of: user, matching: filter, before: cursor, limit: limit)
                }
                return .json(WireCallList(page, for: user))
            },
            Route(.get, "/v1/conversations/{id}/calls") { request throws(RESTFault) in
                let user = try await accounts.identity(of: request).user
                let conversation = try request.id(ConversationID.self)
                let (cursor, limit) = try Self.page(of: request)
                let page = try await reading { () throws(DatabaseError) in
                    try await calls.history(of: conversation, for: user, before: cursor, limit: limit)
                }
                guard let page else { throw RESTFault(Fault(.notFound, "There is no such conversation.")) }
                return .json(WireCallList(page, for: user))
            },
            // Before the calls by id, because the first matching route is used.
            Route(.get, "/v1/calls/missed") { request throws(RESTFault) in
                let user = try await accounts.identity(of: request).user
                return try await missedCalls(of: user)
            },
            Route(.post, "/v1/calls/missed/seen") { request throws(RESTFault) in
                let user = try await accounts.identity(of: request).user
                let text = try await request.body(WireSeenMissedCallsRequest.self).callID
                let call = CallID(text)
                guard text.isEmpty || call != nil else { throw RESTFault(.invalid("call_id is not a UUID.")) }
                try await reading { () throws(DatabaseError) in
                    try await calls.markMissedCallsSeen(by: user, through: call)
                }
                return try await missedCalls(of: user)
            },
            Route(.get, "/v1/calls/{id}") { request throws(RESTFault) in
                let user = try await accounts.identity(of: request).user
                let call = try request.id(CallID.self)
                let entry = try await reading { () throws(DatabaseError) in try await calls.entry(of: call, for: user) }
                guard let entry else { throw RESTFault(Fault(.notFound, "There is no such call.")) }
                return .json(
                    WireCallDetails.with {
                        $0.call = WireCall(entry.view)
                        $0.record = WireCallRecord(entry, for: user)
                    })
            },
        ]
    }

    private func missedCalls(of user: UserID) async throws(RESTFault) -> Response {
        let unseen = try await reading { () throws(DatabaseError) in try await calls.unseenMissedCalls(of: user) }
        return .json(WireMissedCalls.with { $0.unseen = UInt32(clamping: unseen) })
    }

    private static func filter(of request: RESTRequest) throws(RESTFault) -> CallFilter {
        var filter = CallFilter()
        switch request.query("missed") {
        case nil, "false": break
        case "true": filter.onlyMissed = true
        default: throw RESTFault(.invalid("missed is true or false."))
        }
        if let text = request.query("type") {
            filter.type = Call.MediaType(rawValue: text)
            guard filter.type != nil else { throw RESTFault(.invalid("type is voice or video.")) }
        }
        if let text = request.query("with") {
            filter.with = UserID(text)
            guard filter.with != nil else { throw RESTFault(.invalid("with is not a UUID.")) }
        }
        return filter
    }

    private static func page(of request: RESTRequest) throws(RESTFault) -> (cursor: PageCursor<Named.Call>?, limit: Int)
    {
        (try request.cursor(of: Named.Call.self), min(try request.limit() ?? 50, 100))
    }
}

/// Calls the call service, and turns the database's errors into those of REST.
private func reading<Value: Sendable>(
    _ body: () async throws(DatabaseError) -> Value
) async throws(RESTFault) -> Value {
    do throws(DatabaseError) {
        return try await body()
    } catch {
        switch error.code {
        case .unavailable, .outcomeUnknown: throw RESTFault(.unavailable)
        case .constraint, .expectationFailed, .invalid: throw RESTFault(.internal)
        }
    }
}

extension WireCallList {
    fileprivate init(_ page: CallPage, for user: UserID) {
        self.init()
        calls = page.calls.map(WireCall.init)
        records = page.entries.map { WireCallRecord($0, for: user) }
        nextCursor = page.next?.description ?? ""
    }
}

extension WireCallRecord {
    fileprivate init(_ entry: CallEntry, for user: UserID) {
        self.init()
        callID = entry.view.call.id.description
        durationSeconds = UInt32(clamping: (entry.duration?.microseconds ?? 0) / 1_000_000)
        missed = entry.isMissed(by: user)
        screenShares = entry.screenShares.map { share in
            .with {
                $0.sharerID = share.sharer.description
                $0.startedAt = .init(share.startedAt)
                if let endedAt = share.endedAt { $0.endedAt = .init(endedAt) }
                $0.endReason = share.endReason?.rawValue ?? ""
            }
        }
    }
}
