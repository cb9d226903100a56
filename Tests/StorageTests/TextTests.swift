import Foundation
import Primitives
import Testing

@testable import Storage

@Suite struct TextTests {
    @Test(arguments: [
        ("1970-01-01 00:00:00+00", 0), ("2026-11-21 03:52:27.123456+00", 1_795_233_147_123_456),
        ("2026-11-21 03:52:27.1+00", 1_795_233_147_100_000), ("1969-12-31 23:59:59.999999+00", -1),
        ("0001-01-01 00:00:00+00", -62_135_596_800_000_000), ("0001-12-31 23:59:59+00 BC", -62_135_596_801_000_000),
        ("4714-11-24 00:00:00+00 BC", -210_866_803_200_000_000), ("10000-01-01 00:00:00+00", 253_402_300_800_000_000),
        ("294247-01-10 04:00:54.775807+00", Int64.max),
    ])
    func instantsAreRead(_ text: String, _ microseconds: Int64) {
        #expect(Instant(postgreSQL: text)?.microseconds == microseconds)
        #expect(Instant(postgreSQL: Instant(microseconds: microseconds).postgreSQLText)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "infinity", "-infinity", "2026-11-21", "2026-11-21 03:52:27", "2026-11-21 03:52:27+01",
        "2026-11-21 03:52:27+00:30", "2026-11-21T03:52:27+00", "2026-13-01 00:00:00+00", "2026-00-01 00:00:00+00",
        "2026-11-32 00:00:00+00", "2026-11-21 24:00:00+00", "2026-11-21 03:60:00+00", "2026-11-21 03:52:60+00",
        "2026-11-21 03:52:27.+00", "2026-11-21 03:52:27.1234567+00", "2026-11-21 03:52:27+00 AD",
        "0000-01-01 00:00:00+00", "294247-01-10 04:00:54.775808+00", "999999-12-31 23:59:59.999999+00",
        "999999-12-31 23:59:59.999999+00 BC", "99999999999999999999-01-01 00:00:00+00", "٢٠٢٦-11-21 03:52:27+00",
        "-2026-11-21 03:52:27+00", "2026-11-21 03:52:27+00 BC ",
    ])
    func otherTextsAreNoInstants(_ text: String) {
        #expect(Instant(postgreSQL: text) == nil)
    }

    @Test func instantsComeBack() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let microseconds =
                Int64.random(in: .min ... .max, using: &generator) >> Int64.random(in: 0...40, using: &generator)
            let instant = Instant(microseconds: microseconds)
            #expect(Instant(postgreSQL: instant.postgreSQLText) == instant)
        }
        #expect(Instant(postgreSQL: Instant(microseconds: .min).postgreSQLText)?.microseconds == .min)
    }

    @Test(arguments: [
        "", "mysql://host/name", "sqlite:", "sqlite::memory:", "sqlite://host/file", "/var/lib/ringback.db",
        "postgres:/x", "postgres://user:secret@[host/name", "postgresql://user:secret@host:port:port/name?x=y",
        "host=localhost password=secret",
    ])
    func unknownDatabaseURLsAreRefused(_ url: String) {
        #expect {
            _ = try openDatabase(url)
        } throws: { error in
            (error as? DatabaseError)?.code == .invalid && !"\(error)".contains("secret")
        }
    }

    @Test func passwordsAreNotShown() async throws {
        let target = try PostgreSQLTarget("postgres://ann:secret@127.0.0.1:1/ringback?sslpassword=secret")
        var dumped = ""
        dump(target, to: &dumped)
        #expect(!dumped.contains("secret"))
        #expect("\(target)" == "ringback at 127.0.0.1, port 1, as ann")
        let database = PostgreSQLDatabase(target, readers: 1, limits: PostgreSQLLimits(), logger: silent)
        await #expect {
            try await database.ping()
        } throws: { error in
            (error as? DatabaseError)?.code == .unavailable && !"\(error)".contains("secret")
        }
        await database.close()
    }

    @Test(arguments: [
        ("23505", "users_email_key" as String?, DatabaseError.Code.constraint("users_email_key")),
        ("23503", "users_id_fkey", .constraint("foreign_key")), ("23514", "a_check", .constraint("a_check")),
        ("23502", nil, .invalid), ("22P02", nil, .invalid), ("42P01", nil, .invalid), ("08P01", nil, .invalid),
        ("40P01", nil, .unavailable), ("55P03", nil, .unavailable), ("57014", nil, .unavailable),
        ("53100", nil, .unavailable), ("", nil, .invalid),
    ])
    func sqlStatesHaveCodes(_ state: String, _ constraint: String?, _ code: DatabaseError.Code) {
        let error = PostgreSQLError(state: state, severity: "ERROR", message: "m", constraint: constraint)
        #expect(error.databaseError(statement: "s").code == code)
        #expect(!error.needsNewConnection(.writing))
    }

    @Test func someErrorsEndTheConnection() {
        func error(_ state: String, _ severity: String = "ERROR", _ message: String = "") -> PostgreSQLError {
            PostgreSQLError(state: state, severity: severity, message: message, constraint: nil)
        }
        #expect(error("57P01", "FATAL").needsNewConnection(.reading))
        #expect(error("26000").needsNewConnection(.reading))
        #expect(error("0A000", "ERROR", "cached plan must not change result type").needsNewConnection(.writing))
        #expect(error("25006").needsNewConnection(.writing))
        #expect(!error("25006").needsNewConnection(.reading))
    }

    @Test func backoffDoublesUpToItsLimit() {
        var backoff = Backoff(first: 100, longest: 2000)
        #expect((0..<7).map { _ in backoff.pause() } == [100, 200, 400, 800, 1600, 2000, 2000])
        backoff.reset()
        #expect(backoff.pause() == 100)
    }

    @Test(.timeLimit(.minutes(1)))
    func queueIsBoundedAndKeepsItsOrder() {
        let queue = WorkQueue<Int>(limit: 5)
        for number in 0..<5 { #expect(queue.append(number) == nil) }
        #expect(queue.append(5)?.code == .unavailable)
        #expect(queue.take(2) == [0, 1])
        #expect(queue.append(6) == nil)
        #expect(queue.take(10) == [2, 3, 4, 6])
        #expect(queue.append(7) == nil)
        #expect(queue.append(8) == nil)
        #expect(queue.refuse(with: DatabaseError(.unavailable, "away")) == [7, 8])
        #expect(queue.append(9)?.message == "away")
        #expect(!queue.waitForClose(milliseconds: 1))
        queue.admit()
        #expect(queue.append(10) == nil)
        queue.close()
        #expect(queue.append(11)?.code == .unavailable)
        #expect(queue.waitForClose(milliseconds: 60_000))
        #expect(queue.take(10) == [10])
        #expect(queue.take(10) == nil)
        #expect(queue.take(10) == nil)
    }

    @Test(.timeLimit(.minutes(1)))
    func filesAreForTheirOwnerAlone() async throws {
        try await withDatabase(.sqlite) { test in
            let path = String(test.url.dropFirst("sqlite:".count))
            for file in [path, "\(path)-wal", "\(path)-shm"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: file)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(file)")
            }
        }
    }
}
