import Primitives
import Testing

@testable import Accounts

/// The pure half of refreshing; `SessionTests` has the databases.
@Suite struct RefreshChainTests {
    static let start = Instant(microseconds: 1_780_000_000_000_000)

    /// What was issued, derived only from the history: nothing of the chain's own state is used.
    private struct History {
        struct Issued {
            var parent: Int?
            var uses: [Instant] = []
        }

        var tokens = [Issued(parent: nil)]

        func hasUsedChild(_ token: Int) -> Bool {
            tokens.contains { $0.parent == token && !$0.uses.isEmpty }
        }

        func hasUsedSibling(_ token: Int) -> Bool {
            guard let parent = tokens[token].parent else { return false }
            return tokens.indices.contains { $0 != token && tokens[$0].parent == parent && !tokens[$0].uses.isEmpty }
        }

        /// Whether a single owner, who may have lost an answer, could use a token in this way.
        func isInnocent(_ token: Int, now: Instant) -> Bool {
            switch tokens[token].uses.count {
            case 0: !hasUsedSibling(token)
            case 1: !hasUsedChild(token) && now < tokens[token].uses[0] + .seconds(10)
            default: false
            }
        }
    }

    /// Every order in which five uses can come, of any issued tokens, at once and just before and after the moment
    /// ends.
    @Test func everyOrderOfFiveUses() {
        var orders = 0
        var ends = 0
        func go(_ chain: RefreshChain, _ history: History, _ now: Instant, depth: Int) {
            guard depth < 5 else {
                orders += 1
                return
            }
            for pause in [Instant.Span.seconds(0), .milliseconds(9_999), .seconds(10)] {
                let now = now + pause
                for token in history.tokens.indices {
                    let successor = history.tokens.count
                    let use = chain.use(of: "\(token)", for: "\(successor)", now: now)
                    guard case .exchange(let next) = use else {
                        #expect(!history.isInnocent(token, now: now), "\(token) of \(history.tokens) after \(pause)")
                        ends += 1
                        continue
                    }
                    #expect(history.isInnocent(token, now: now), "\(token) of \(history.tokens) after \(pause)")
                    // The client that gets this answer has a token that works.
                    #expect(next.holds("\(successor)"))
                    var history = history
                    history.tokens[token].uses.append(now)
                    history.tokens.append(History.Issued(parent: token))
                    go(next, history, now, depth: depth + 1)
                }
            }
        }
        go(RefreshChain(current: "0", exchangedAt: Self.start), History(), Self.start, depth: 0)
        #expect(orders > 1000 && ends > 1000)
    }

    /// Both answers of a race work, and the one that is used first stays.
    @Test(arguments: ["1", "2"]) func ofTwoThatRaceBothWork(kept: String) throws {
        let first = try #require(exchanged(RefreshChain(current: "0", exchangedAt: Self.start), "0", "1", 0))
        let both = try #require(exchanged(first, "0", "2", 0))
        #expect(both.holds("1") && both.holds("2") && !both.holds("0"))
        let next = try #require(exchanged(both, kept, "3", 600))
        #expect(next.holds("3") && !next.holds("1") && !next.holds("2"))
        let other = kept == "1" ? "2" : "1"
        #expect(exchanged(next, other, "4", 601) == nil, "the other answer is in somebody else's hands")
    }

    /// A repeat is no way to stay unseen: the second of the two is noticed, whenever it comes.
    @Test(arguments: [0, 1, 9, 10, 600], [0, 1, 9, 10, 600]) func aThiefIsNoticed(owner: Int64, thief: Int64) throws {
        let first = try #require(exchanged(RefreshChain(current: "0", exchangedAt: Self.start), "0", "owner", 0))
        let both = try #require(exchanged(first, "0", "thief", 5))
        let uses = [("owner", owner), ("thief", thief)].sorted { $0.1 < $1.1 }
        let next = try #require(exchanged(both, uses[0].0, "next", 5 + uses[0].1))
        #expect(exchanged(next, uses[1].0, "more", 5 + uses[1].1) == nil)
    }

    @Test(arguments: [(-11, false), (-10, true), (0, true), (9, true), (10, false)])
    func aClockThatIsSetBackMakesTheMomentNoLonger(seconds: Int64, isRepeat: Bool) {
        let chain = RefreshChain(current: "1", previous: "0", exchangedAt: Self.start)
        #expect((exchanged(chain, "0", "2", seconds) != nil) == isRepeat)
    }

    private func exchanged(_ chain: RefreshChain, _ token: String, _ successor: String, _ seconds: Int64)
        -> RefreshChain?
    {
        guard case .exchange(let next) = chain.use(of: token, for: successor, now: Self.start + .seconds(seconds))
        else {
            return nil
        }
        return next
    }
}
