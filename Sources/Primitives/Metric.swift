import Synchronization

/// A number that only grows.
public final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    /// Makes a counter at 0.
    public init() {}

    /// Adds to the counter.
    public func add(_ count: Int = 1) {
        number.wrappingAdd(count, ordering: .relaxed)
    }

    /// The number so far.
    public var value: Int { number.load(ordering: .relaxed) }
}

/// A number that goes up and down.
public final class Gauge: Sendable {
    private let number = Atomic<Int>(0)

    /// Makes a gauge at 0.
    public init() {}

    /// Moves the gauge by a difference.
    public func add(_ difference: Int) {
        number.wrappingAdd(difference, ordering: .relaxed)
    }

    /// Sets the gauge.
    public func set(_ value: Int) {
        number.store(value, ordering: .relaxed)
    }

    /// The number now.
    public var value: Int { number.load(ordering: .relaxed) }
}

/// One metric family of Prometheus (text exposition format 0.0.4).
public struct MetricFamily: Sendable {
    /// What kind of metric it is.
    public enum Kind: String, Sendable {
        /// Only grows.
        case counter
        /// Goes up and down.
        case gauge
    }

    /// One value of a family, with its labels.
    public struct Sample: Sendable {
        /// Label names and values.
        public var labels: [(name: String, value: String)]
        /// The value.
        public var value: Int

        /// Makes a value.
        public init(_ value: Int, labels: [(name: String, value: String)] = []) {
            self.labels = labels
            self.value = value
        }
    }

    /// In snake case with its unit, without the product's prefix; a counter's name ends in `_total`.
    public var name: String
    /// One line for people.
    public var help: String
    /// What kind of metric it is.
    public var kind: Kind
    /// The values.
    public var samples: [Sample]

    /// Makes a family.
    public init(_ name: String, _ kind: Kind, help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// The family in the text exposition format.
    public var exposition: String {
        var text = "# HELP ringback_\(name) \(help)\n# TYPE ringback_\(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",")
            text += "ringback_\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(sample.value)\n"
        }
        return text
    }
}
