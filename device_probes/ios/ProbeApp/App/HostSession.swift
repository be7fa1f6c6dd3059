import Foundation

/// Serves one host over one link until it leaves or breaks the contract; what is said and when is
/// decided by the core (Core/session.h).
final class HostSession {
    private static let helloSeconds = 10.0
    /// A frame that has begun must end; loads are given their time by the frames themselves.
    private static let frameSeconds = 90.0

    private let link: Link
    private let device: Device
    private let status: ProbeStatus
    private let core: OpaquePointer
    private var trial: Thread?
    private let trialEnded = DispatchSemaphore(value: 0)
    private let lock = NSLock()
    private var control: TrialControl?

    /// nil: no memory.
    init?(link: Link, device: Device, status: ProbeStatus, token: String) {
        guard let core = cp_session_new(BuildInfo.version, token) else {
            return nil
        }
        self.core = core
        self.link = link
        self.device = device
        self.status = status
    }

    deinit {
        cp_session_free(core)
    }

    /// Blocks until the session is over; the phone is given back as it was found then.
    func serve() {
        let hello = link.deadline(HostSession.helloSeconds)
        do {
            try readAll(hello)
        } catch {
            // the host has gone: there is nobody to tell
        }
        hello.cancel()
        stopTrial(Refusal(code: CP_CANCELLED, text: "the host has gone"))
        joinTrial()
        link.close()
        device.restore()
    }

    private func readAll(_ hello: DispatchWorkItem) throws {
        let header = UnsafeMutablePointer<UInt8>.allocate(capacity: CP_MAX_HEADER_BYTES)
        let payload = UnsafeMutablePointer<UInt8>.allocate(capacity: CP_MAX_PAYLOAD_BYTES)
        let prefix = UnsafeMutablePointer<UInt8>.allocate(capacity: CP_PREFIX_BYTES)
        defer {
            header.deallocate()
            payload.deallocate()
            prefix.deallocate()
        }
        var goesOn = true
        var isGreeted = false
        while goesOn {
            var headerBytes: UInt32 = 0
            var payloadBytes: UInt32 = 0
            try link.read(CP_PREFIX_BYTES, into: prefix)
            let late = link.deadline(HostSession.frameSeconds)
            defer { late.cancel() }
            let fault = cp_prefix_read(prefix, &headerBytes, &payloadBytes)
            if Int(fault) != CP_PREFIX_GOOD {
                _ = try act(cp_session_refuse_prefix(core, fault))
                return
            }
            try link.read(Int(headerBytes), into: header)
            try link.read(Int(payloadBytes), into: payload)
            goesOn = try act(cp_session_take(core, header, headerBytes, payload, payloadBytes))
            if !isGreeted && cp_session_has_begun(core) {
                isGreeted = true
                hello.cancel()
                status.connected(true)
            }
        }
    }

    /// Does what the core asks for; false ends the session.
    private func act(_ what: Int32) throws -> Bool {
        switch Int(what) {
        case CP_DO_SEND, CP_DO_SEND_AND_CLOSE:
            var bytes = 0
            if let answer = cp_session_answer(core, &bytes) {
                try link.write(UnsafeRawBufferPointer(start: answer, count: bytes))
            }
            return Int(what) == CP_DO_SEND
        case CP_DO_FACTS:
            try send(FrameWriter { device.writeFacts(into: $0) })
            return true
        case CP_DO_RUN:
            begin()
            return true
        case CP_DO_CANCEL:
            stopTrial(Refusal(code: CP_CANCELLED, text: "the trial was cancelled"))
            return true
        case CP_DO_ACT:
            if let message = cp_session_message(core) {
                device.act(
                    String(cString: message.pointee.action), String(cString: message.pointee.value))
            }
            return true
        default:
            return Int(what) == CP_DO_NOTHING
        }
    }

    // MARK: - one trial, on a thread of its own so that cancel is heard

    private func begin() {
        joinTrial() // it has said its last word already
        guard let message = cp_session_message(core) else {
            return
        }
        let request = Request(message.pointee.request)
        let rateHz = message.pointee.rate_hz
        var sounds = [cp_sound](repeating: cp_sound(), count: CP_MAX_PLAYS)
        let count = cp_session_sounds(core, &sounds)
        let plays = Array(sounds.prefix(Int(count)))
        let mine = TrialControl { [weak self] stage, fraction in
            self?.tell(FrameWriter { cp_write_progress($0, stage, fraction) })
        }
        lock.lock()
        control = mine
        lock.unlock()
        let thread = Thread { [self] in
            run(request, rateHz, plays, mine)
            trialEnded.signal()
        }
        thread.name = "probe-trial"
        thread.qualityOfService = .userInitiated
        trial = thread
        thread.start()
    }

    private func run(
        _ request: Request, _ rateHz: Int32, _ sounds: [cp_sound], _ mine: TrialControl
    ) {
        status.running(true)
        do {
            let result = try device.run(request, rateHz: rateHz, sounds: sounds, control: mine)
            defer { result.free() }
            try send(result)
            status.ended("The last trial ended well")
        } catch let why as Refusal {
            status.ended("The last trial was refused: \(why.code), \(why.text)")
            cp_session_over(core)
            tell(FrameWriter { cp_write_refused($0, why.code, why.text, why.grantedRateHz) })
        } catch is LinkLost {
            link.close()
        } catch {
            cp_session_over(core)
            tell(FrameWriter { cp_write_error($0, "\(error)") })
        }
        status.running(false)
    }

    /// The app is about to sleep: a host learns that from a link that ends, not from silence. A
    /// trial that sounds goes on, and keeps the app awake.
    func sleep() {
        if !device.isSounding {
            link.close()
        }
    }

    private func send(_ result: TrialResult) throws {
        try send(result.header)
        var crc32: UInt32 = 0
        try result.eachPiece { offset, piece in
            crc32 = cp_crc32(crc32, piece.baseAddress, piece.count)
            try send(FrameWriter(payload: piece) { cp_write_pcm($0, offset) })
        }
        cp_session_over(core) // before the last word: the host may ask the next thing at once
        try send(FrameWriter { cp_write_done($0, crc32) })
    }

    private func stopTrial(_ why: Refusal) {
        lock.lock()
        let running = control
        lock.unlock()
        running?.stop(why)
    }

    private func joinTrial() {
        if trial != nil {
            trialEnded.wait()
            trial = nil
        }
        lock.lock()
        control = nil
        lock.unlock()
    }

    // MARK: - frames

    private func send(_ frame: FrameWriter) throws {
        try frame.write(to: link)
    }

    /// Sends what need not arrive: when the host has gone, the reading thread ends all.
    private func tell(_ frame: FrameWriter) {
        do {
            try send(frame)
        } catch {
            link.close()
        }
    }
}
