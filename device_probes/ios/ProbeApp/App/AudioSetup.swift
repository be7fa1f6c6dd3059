import AVFoundation

/// The one AVAudioSession: set up for a trial, and given back as it was found.
final class AudioSetup {
    private let session = AVAudioSession.sharedInstance()
    private let lock = NSLock()
    private var volumeBefore: Float?
    private var heldBefore: Float?
    private var isEntered = false

    /// What was granted for a trial.
    struct Granted {
        let rateHz: Int32
        let bufferFrames: Int32
        let requestedBufferS: Double
        let route: String
        let inputChannels: Int32
    }

    /// Opens the session as asked; throws a refusal, and leaves the rest to `restore`.
    func enter(_ r: Request, control: TrialControl) throws -> Granted {
        lock.lock()
        isEntered = true
        lock.unlock()
        let bufferS = wantedBufferS(r)
        do {
            try session.setCategory(
                .playAndRecord,
                mode: AudioSetup.mode(r.mode),
                options: Routes.options(for: r.route))
            try session.setPreferredSampleRate(Double(r.rateHz))
            try session.setPreferredIOBufferDuration(bufferS)
            try session.setActive(true)
        } catch {
            let why = AudioSetup.text(error as NSError)
            throw Refusal.openFailed("the audio session does not open: \(why)")
        }
        try? session.setPrefersNoInterruptionsFromSystemAlerts(true)
        let route: String
        do {
            route = try Routes.take(r.route, control: control)
            // only an active session knows how many there are
            let most = max(1, session.maximumInputNumberOfChannels)
            // a wish: what was granted is told
            try? session.setPreferredInputNumberOfChannels(min(Int(r.inputChannels), most))
        } catch let why as Refusal {
            throw why
        } catch {
            throw Refusal.openFailed("the route: \(AudioSetup.text(error as NSError))")
        }
        if r.volume >= 0 {
            try setVolume(Float(r.volume), control: control)
        }
        return Granted(
            rateHz: Int32(session.sampleRate.rounded()),
            bufferFrames: Int32((session.ioBufferDuration * session.sampleRate).rounded()),
            requestedBufferS: bufferS,
            route: route,
            inputChannels: Int32(max(1, min(session.inputNumberOfChannels, CP_MAX_CHANNELS))))
    }

    /// A burst is what the system uses by itself.
    private func wantedBufferS(_ r: Request) -> Double {
        if r.bufferFrames > 0 {
            return Double(r.bufferFrames) / Double(r.rateHz)
        }
        return Double(max(1, r.bufferBursts)) * SystemAudio.now().bufferS
    }

    /// A unit may bring a volume of its own with it: calls have theirs.
    func holdVolume(_ r: Request, control: TrialControl) throws {
        let now = session.outputVolume
        if r.volume >= 0 && !SystemVolume.isAt(Float(r.volume)) {
            lock.lock()
            heldBefore = now
            lock.unlock()
            try setVolume(Float(r.volume), control: control)
        }
    }

    /// Gives that volume back, while the unit is still there.
    func releaseVolume() {
        lock.lock()
        let held = heldBefore
        heldBefore = nil
        lock.unlock()
        if let held = held {
            SystemVolume.giveBack(held)
        }
    }

    private func setVolume(_ volume: Float, control: TrialControl) throws {
        lock.lock()
        volumeBefore = volumeBefore ?? session.outputVolume
        lock.unlock()
        guard try SystemVolume.set(volume, control: control) else {
            let now = String(format: "%.2f", session.outputVolume)
            throw Refusal.unsupported(
                "iOS did not set the volume to \(volume); it is \(now): press the volume keys")
        }
    }

    /// Gives volume, route and session back; from any thread but the main one, as often as wanted.
    func restore() {
        lock.lock()
        let volume = volumeBefore
        let wasEntered = isEntered
        volumeBefore = nil
        isEntered = false
        lock.unlock()
        if let volume = volume {
            SystemVolume.giveBack(volume) // of the mode that is active: calls have their own
        }
        if wasEntered {
            try? session.overrideOutputAudioPort(.none)
            try? session.setPreferredInput(nil)
            try? session.setActive(false, options: .notifyOthersOnDeactivation)
        }
    }

    static func mode(_ mode: Int32) -> AVAudioSession.Mode {
        switch Int(mode) {
        case CP_MODE_MEASUREMENT: return .measurement
        case CP_MODE_VOICE_CHAT: return .voiceChat
        case CP_MODE_VIDEO_CHAT: return .videoChat
        default: return .default
        }
    }

    /// One line for a fault of the system.
    static func text(_ fault: NSError) -> String {
        "\(fault.domain) \(fault.code) \(fault.localizedDescription)"
    }
}
