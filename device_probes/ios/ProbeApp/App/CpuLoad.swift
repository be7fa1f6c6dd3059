import Foundation

/// Synthetic load: each thread is busy for a share of every 10 ms.
final class CpuLoad {
    private static let periodNs: Int64 = 10_000_000

    private let lock = NSLock()
    private var isStopped = false

    init(threads: Int32, share: Double) {
        if share <= 0 {
            return
        }
        for number in 0..<threads {
            let thread = Thread { [weak self] in CpuLoad.burn(share) { self?.goesOn ?? false } }
            thread.name = "probe-load-\(number)"
            thread.start()
        }
    }

    private var goesOn: Bool {
        lock.lock()
        defer { lock.unlock() }
        return !isStopped
    }

    private static func burn(_ share: Double, while goesOn: () -> Bool) {
        let busyNs = Int64(share * Double(periodNs))
        var beginNs = cp_now_ns()
        while goesOn() {
            while cp_now_ns() - beginNs < busyNs {
                continue
            }
            let restNs = beginNs + periodNs - cp_now_ns()
            if restNs > 0 {
                Thread.sleep(forTimeInterval: Double(restNs) / 1e9)
            }
            beginNs = max(beginNs + periodNs, cp_now_ns() - periodNs)
        }
    }

    func stop() {
        lock.lock()
        isStopped = true
        lock.unlock()
    }
}
