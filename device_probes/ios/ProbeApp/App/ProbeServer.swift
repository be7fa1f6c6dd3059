import Foundation

/// Serves one host at a time; others are told that the probe is busy.
final class ProbeServer {
    /// A host that has just gone is given this time to be cleaned up after.
    private static let turnSeconds = 3.0
    private static let maxWaiting = 4

    private let launch: Launch
    private let device: Device
    private let status: ProbeStatus
    private let turn = DispatchSemaphore(value: 1)
    private let waiting = DispatchSemaphore(value: ProbeServer.maxWaiting)
    private let lock = NSLock()
    private var session: HostSession?
    private lazy var listener = Listener(
        port: launch.port,
        onHost: { [weak self] link in self?.take(link) },
        onEnd: { [weak self] in self?.startAgain() })

    init(launch: Launch, device: Device, status: ProbeStatus) {
        self.launch = launch
        self.device = device
        self.status = status
    }

    /// Listens, unless it does; called whenever the app comes to the front or its socket has ended,
    /// on the main thread.
    func start() {
        let isNew = !listener.isOpen
        if let fault = listener.start() {
            status.failed(fault)
        } else if isNew { // else a host that is being served would be shown as gone
            status.listening(on: launch.port)
        }
    }

    /// The app is about to sleep: nobody is taken that would not be answered.
    func sleep() {
        listener.stop()
        lock.lock()
        let open = session
        lock.unlock()
        open?.sleep()
    }

    private func startAgain() {
        DispatchQueue.main.async { self.start() }
    }

    private func take(_ link: Link) {
        if waiting.wait(timeout: .now()) == .timedOut {
            link.close()
            return
        }
        let thread = Thread { [self] in
            serve(link)
            waiting.signal()
        }
        thread.name = "probe-session"
        thread.start()
    }

    private func serve(_ link: Link) {
        if turn.wait(timeout: .now() + ProbeServer.turnSeconds) == .timedOut {
            sayBusy(link)
            return
        }
        let session = HostSession(link: link, device: device, status: status, token: launch.token)
        show(session)
        session?.serve()
        show(nil)
        link.close()
        status.connected(false)
        turn.signal()
    }

    private func show(_ open: HostSession?) {
        lock.lock()
        session = open
        lock.unlock()
    }

    private func sayBusy(_ link: Link) {
        let late = link.deadline(ProbeServer.turnSeconds)
        let text = "the probe serves another host"
        do {
            try readHello(link)
            try FrameWriter { cp_write_refused($0, CP_BUSY, text, 0) }.write(to: link)
        } catch {
            // it has gone, or says nothing: there is nobody to tell
        }
        late.cancel()
        link.close()
    }

    /// An answer may get lost when what the host sent is left unread.
    private func readHello(_ link: Link) throws {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: CP_MAX_HEADER_BYTES)
        defer { bytes.deallocate() }
        var headerBytes: UInt32 = 0
        var payloadBytes: UInt32 = 0
        try link.read(CP_PREFIX_BYTES, into: bytes)
        if Int(cp_prefix_read(bytes, &headerBytes, &payloadBytes)) == CP_PREFIX_GOOD {
            try link.read(Int(headerBytes), into: bytes)
        }
    }
}
