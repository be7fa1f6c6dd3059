import Foundation

/// What the host asks for while a trial runs, done one after another on a queue of its own: the
/// session goes on to hear cancel, and the audio is not held up.
final class Acts {
    private static let endSeconds = 2.0

    private let queue = DispatchQueue(label: "probe-acts")
    private let lock = NSLock()
    /// Ends what waits for a route when the trial is over.
    private let life = TrialControl { _, _ in }
    private let events: SessionEvents
    private var taken = 0
    private var ignored = 0
    private var unknown = 0
    private var said: [(key: String, text: String)] = []
    private var askedNs: [(key: String, ns: Int64)] = []

    init(events: SessionEvents) {
        self.events = events
    }

    /// Has an act done, without waiting for it; after `end` it is ignored.
    func take(_ action: String, _ value: String) {
        lock.lock()
        defer { lock.unlock() }
        if life.isStopped {
            return
        }
        if action != CP_ACT_ROUTE {
            unknown += 1
        } else if taken >= CP_MAX_ACTS {
            ignored += 1
        } else {
            taken += 1
            let key = "\(CP_ACT_ROUTE)_\(taken)"
            queue.async { [self] in route(value, key) }
        }
    }

    private func route(_ word: String, _ key: String) {
        let beganNs = cp_now_ns()
        var outcome: String
        do {
            try life.check()
            let route = cp_route_of(word)
            if route < 0 {
                throw Refusal.unsupported("iOS has no route \(word)")
            }
            events.letMove()
            outcome = try Routes.change(to: route, control: life)
            say("\(key)_took_ms", "\((cp_now_ns() - beganNs) / 1_000_000)")
        } catch let why as Refusal {
            outcome = "refused: \(why.text)"
        } catch {
            outcome = "failed: \(AudioSetup.text(error as NSError))"
        }
        say(key, outcome)
        lock.lock()
        askedNs.append(("\(key)_ms", beganNs))
        lock.unlock()
    }

    private func say(_ key: String, _ text: String) {
        lock.lock()
        said.append((key, text))
        lock.unlock()
    }

    /// No act is taken any more; the one that is being done is waited for a moment.
    func end() {
        life.stop(Refusal(code: CP_CANCELLED, text: "the trial was over"))
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + Acts.endSeconds)
    }

    /// Into the object `observed`; `zeroNs` is frame 0 of the recording.
    func observe(_ out: ObservedWriter, zeroNs: Int64) {
        lock.lock()
        defer { lock.unlock() }
        said.forEach { out.put($0.key, $0.text) }
        askedNs.forEach { out.put($0.key, "\(($0.ns - zeroNs) / 1_000_000)") }
        if unknown > 0 {
            out.put("acts_unknown", "\(unknown)")
        }
        if ignored > 0 {
            out.put("acts_ignored", "\(ignored)")
        }
    }
}
