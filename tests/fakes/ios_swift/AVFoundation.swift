/// A fake of the audio session: what the app asks it for, and what a phone may do meanwhile.
///
/// Words: rate (Hz of the hardware), idle_rate (what an inactive session says), burst (also the
/// unit's), call_volume (what a unit brings with it in a call's mode), any_buffer (1 = a preferred buffer is
/// granted), in_channels (also the unit's), latency_out_us, latency_in_us, permission (denied,
/// undetermined), inactive (the status with which the session does not become active), stuck_volume
/// (1 = nobody moves it); every other word is fake_unit.h's.
/// Happenings: plug and unplug (a headset), pair and unpair (a Bluetooth headset), interrupt, resume,
/// lost, reset, volume N, mute.
@_exported import Darwin
import FakeUnit
@_exported import Foundation
import SwiftUI

private final class Words: @unchecked Sendable {
    static let all = Words()
    private var known: [String: String] = [:]
    private static let own = ["rate", "idle_rate", "call_volume", "any_buffer", "latency_out_us",
                              "latency_in_us", "permission", "inactive", "stuck_volume",
                              "background_s"]

    init() {
        for word in CommandLine.arguments.dropFirst() where word.contains("=") {
            let parts = word.split(separator: "=").map(String.init)
            known[parts[0]] = parts[1]
            if !Words.own.contains(parts[0]) && fake_set(word) != 0 {
                fatalError("no such word: \(word)")
            }
        }
    }

    func text(_ name: String) -> String { known[name] ?? "" }
    func number(_ name: String, or other: Double) -> Double { Double(text(name)) ?? other }
}

public class AVAudioSessionPortDescription: NSObject {
    public let portType: AVAudioSession.Port
    init(_ type: AVAudioSession.Port) { portType = type }
}

public class AVAudioSessionRouteDescription: NSObject {
    public let inputs: [AVAudioSessionPortDescription]
    public let outputs: [AVAudioSessionPortDescription]
    init(_ into: AVAudioSession.Port, _ out: AVAudioSession.Port) {
        inputs = [AVAudioSessionPortDescription(into)]
        outputs = [AVAudioSessionPortDescription(out)]
    }
}

public class AVAudioSessionDataSourceDescription: NSObject {
    public let dataSourceName: String
    public let selectedPolarPattern: AVAudioSession.PolarPattern?
    init(_ name: String, _ pattern: AVAudioSession.PolarPattern?) {
        dataSourceName = name
        selectedPolarPattern = pattern
    }
}

public let AVAudioSessionInterruptionTypeKey = "AVAudioSessionInterruptionTypeKey"
public let AVAudioSessionRouteChangeReasonKey = "AVAudioSessionRouteChangeReasonKey"

public class AVAudioSession: NSObject, @unchecked Sendable {
    private static let only = AVAudioSession()
    public class func sharedInstance() -> AVAudioSession { only }

    public struct Port: RawRepresentable, Hashable, Sendable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let builtInSpeaker = Port(rawValue: "Speaker")
        public static let builtInReceiver = Port(rawValue: "Receiver")
        public static let builtInMic = Port(rawValue: "MicrophoneBuiltIn")
        public static let headphones = Port(rawValue: "Headphones")
        public static let headsetMic = Port(rawValue: "MicrophoneWired")
        public static let lineIn = Port(rawValue: "LineIn")
        public static let lineOut = Port(rawValue: "LineOut")
        public static let usbAudio = Port(rawValue: "USBAudio")
        public static let bluetoothHFP = Port(rawValue: "BluetoothHFP")
        public static let bluetoothA2DP = Port(rawValue: "BluetoothA2DPOutput")
        public static let bluetoothLE = Port(rawValue: "BluetoothLE")
    }
    public struct Category: RawRepresentable, Hashable, Sendable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let soloAmbient = Category(rawValue: "AVAudioSessionCategorySoloAmbient")
        public static let playAndRecord = Category(rawValue: "AVAudioSessionCategoryPlayAndRecord")
    }
    public struct Mode: RawRepresentable, Hashable, Sendable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public static let `default` = Mode(rawValue: "AVAudioSessionModeDefault")
        public static let measurement = Mode(rawValue: "AVAudioSessionModeMeasurement")
        public static let voiceChat = Mode(rawValue: "AVAudioSessionModeVoiceChat")
        public static let videoChat = Mode(rawValue: "AVAudioSessionModeVideoChat")
    }
    public struct PolarPattern: RawRepresentable, Hashable, Sendable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
    }
    public struct CategoryOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let allowBluetooth = CategoryOptions(rawValue: 0x4)
        public static let defaultToSpeaker = CategoryOptions(rawValue: 0x8)
        public static let allowBluetoothA2DP = CategoryOptions(rawValue: 0x20)
    }
    public struct SetActiveOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let notifyOthersOnDeactivation = SetActiveOptions(rawValue: 1)
    }
    public enum PortOverride: UInt, Sendable { case none = 0, speaker = 0x7370_6b72 }
    public enum RecordPermission: UInt, Sendable {
        case undetermined = 0x756e_6474, denied = 0x6465_6e79, granted = 0x6772_6e74
    }
    public enum InterruptionType: UInt, Sendable { case ended = 0, began = 1 }

    public class var interruptionNotification: Notification.Name { .init("interruption") }
    public class var routeChangeNotification: Notification.Name { .init("routeChange") }
    public class var mediaServicesWereLostNotification: Notification.Name { .init("mediaLost") }
    public class var mediaServicesWereResetNotification: Notification.Name { .init("mediaReset") }

    private let lock = NSRecursiveLock()
    private var isActive = false
    private var hasHeadset = false
    private var hasBluetooth = false
    private var override = PortOverride.none
    private var preferred: Port?
    private var asked = 0.0
    private var volume: Float = 0.5
    private var callVolume = Float(Words.all.number("call_volume", or: 0.5))
    private var permission = RecordPermission.granted
    private var last: [Port] = []
    public private(set) var category = Category.soloAmbient
    public private(set) var mode = Mode.default
    public private(set) var categoryOptions: CategoryOptions = []

    private override init() {
        super.init()
        let denied = ["denied": RecordPermission.denied, "undetermined": .undetermined]
        permission = denied[Words.all.text("permission")] ?? .granted
        last = ports
        happenings["plug"] = { _ in self.change { $0.hasHeadset = true } }
        happenings["unplug"] = { _ in self.change { $0.hasHeadset = false } }
        happenings["pair"] = { _ in self.change { $0.hasBluetooth = true } }
        happenings["unpair"] = { _ in self.change { $0.hasBluetooth = false } }
        happenings["interrupt"] = { _ in self.interrupted(.began) }
        happenings["resume"] = { _ in self.interrupted(.ended) }
        happenings["lost"] = { _ in self.post(AVAudioSession.mediaServicesWereLostNotification) }
        happenings["reset"] = { _ in self.post(AVAudioSession.mediaServicesWereResetNotification) }
        happenings["mute"] = { _ in AVAudioApplication.shared.isInputMuted = true }
        happenings["volume"] = { word in self.locked { self.volume = Float(word)! } }
    }

    private func locked<T>(_ work: () throws -> T) rethrows -> T {
        lock.lock()
        defer { lock.unlock() }
        return try work()
    }

    private func post(_ name: Notification.Name, _ info: [String: Any] = [:]) {
        // as on a phone: on a thread of the system's own, after the call that caused it
        DispatchQueue.global().async {
            NotificationCenter.default.post(name: name, object: self, userInfo: info)
        }
    }

    private func interrupted(_ type: InterruptionType) {
        post(AVAudioSession.interruptionNotification,
             [AVAudioSessionInterruptionTypeKey: type.rawValue])
    }

    private func change(_ work: (AVAudioSession) throws -> Void) rethrows {
        try locked {
            try work(self)
            if ports != last {
                last = ports
                post(AVAudioSession.routeChangeNotification,
                     [AVAudioSessionRouteChangeReasonKey: UInt(3)])
            }
        }
    }

    /// Input and output in use.
    private var ports: [Port] {
        let talks = category == .playAndRecord
        let isCall = mode == .voiceChat || mode == .videoChat
        let mayTalk = talks && (isCall || categoryOptions.contains(.allowBluetooth))
        if override == .speaker {
            return [.builtInMic, .builtInSpeaker]
        }
        if hasBluetooth && mayTalk && preferred != .builtInMic {
            return [.bluetoothHFP, .bluetoothHFP]
        }
        if hasHeadset && preferred != .builtInMic {
            return [.headsetMic, .headphones]
        }
        if hasBluetooth && (!talks || categoryOptions.contains(.allowBluetoothA2DP)) {
            return [.builtInMic, .bluetoothA2DP]
        }
        let isLoud = !talks || mode == .videoChat || categoryOptions.contains(.defaultToSpeaker)
        return [.builtInMic, isLoud ? .builtInSpeaker : .builtInReceiver]
    }

    private static func failure(_ status: Int) -> NSError {
        NSError(domain: NSOSStatusErrorDomain, code: status)
    }

    // MARK: - asked for

    public func setCategory(
        _ category: Category, mode: Mode, options: CategoryOptions = []
    ) throws {
        change {
            $0.category = category
            $0.mode = mode
            $0.categoryOptions = options
        }
    }

    public func setActive(_ active: Bool, options: SetActiveOptions = []) throws {
        let status = Int(Words.all.number("inactive", or: 0))
        if active && status != 0 {
            throw AVAudioSession.failure(status)
        }
        locked { isActive = active }
    }

    public func setPreferredSampleRate(_ rate: Double) throws {}

    public func setPreferredIOBufferDuration(_ duration: Double) throws {
        if duration <= 0 {
            throw AVAudioSession.failure(-50)
        }
        let frames = Int((duration * Words.all.number("rate", or: 48_000)).rounded())
        if Words.all.number("any_buffer", or: 0) == 1 {
            locked { asked = Double(min(max(frames, 64), 4096)) }
            _ = fake_set("burst=\(min(max(frames, 64), 4096))")
        }
    }

    public func setPrefersNoInterruptionsFromSystemAlerts(_ prefers: Bool) throws {}

    public func setPreferredInputNumberOfChannels(_ count: Int) throws {
        if !locked({ isActive }) || count < 1 || count > maximumInputNumberOfChannels {
            throw AVAudioSession.failure(-50)
        }
    }

    public func setPreferredInput(_ port: AVAudioSessionPortDescription?) throws {
        change { $0.preferred = port?.portType }
    }

    public func overrideOutputAudioPort(_ port: PortOverride) throws {
        if locked({ category }) != .playAndRecord && port != .none {
            throw AVAudioSession.failure(-50)
        }
        change { $0.override = port }
    }

    public func requestRecordPermission(_ answered: @escaping (Bool) -> Void) {
        let isAllowed = locked { permission } == .granted
        DispatchQueue.global().async { answered(isAllowed) }
    }

    // MARK: - told

    public var recordPermission: RecordPermission { locked { permission } }
    public var sampleRate: Double {
        locked { isActive }
            ? Words.all.number("rate", or: 48_000) : Words.all.number("idle_rate", or: 44_100)
    }
    public var ioBufferDuration: Double {
        if !locked({ isActive }) {
            return 1024 / sampleRate
        }
        let frames = locked { asked }
        return (frames > 0 ? frames : Words.all.number("burst", or: 192)) / sampleRate
    }
    public var outputLatency: Double { Words.all.number("latency_out_us", or: 0) / 1e6 }
    public var inputLatency: Double { Words.all.number("latency_in_us", or: 0) / 1e6 }
    public var maximumInputNumberOfChannels: Int {
        max(1, Int(Words.all.number("in_channels", or: 2)))
    }
    public var inputNumberOfChannels: Int { maximumInputNumberOfChannels }
    public var outputNumberOfChannels: Int { 2 }
    public var outputVolume: Float { locked { isCalling ? callVolume : volume } }
    private var isCalling: Bool {
        Words.all.text("call_volume") != "" && fake_left_open() > 0
            && (mode == .voiceChat || mode == .videoChat)
    }
    public var currentRoute: AVAudioSessionRouteDescription {
        let now = locked { ports }
        return AVAudioSessionRouteDescription(now[0], now[1])
    }
    public var availableInputs: [AVAudioSessionPortDescription]? {
        locked {
            var found: [Port] = [.builtInMic]
            if hasHeadset { found.append(.headsetMic) }
            if hasBluetooth && categoryOptions.contains(.allowBluetooth) {
                found.append(.bluetoothHFP)
            }
            return found.map(AVAudioSessionPortDescription.init)
        }
    }
    public var availableCategories: [Category] { [.soloAmbient, .playAndRecord] }
    public var availableModes: [Mode] { [.default, .measurement, .voiceChat, .videoChat] }
    public var inputDataSource: AVAudioSessionDataSourceDescription? {
        AVAudioSessionDataSourceDescription("Bottom", PolarPattern(rawValue: "Omnidirectional"))
    }
    public var outputDataSource: AVAudioSessionDataSourceDescription? { nil }
    public var isOtherAudioPlaying: Bool { false }
    public var isInputGainSettable: Bool { true }
    public var inputGain: Float { 0.75 }

    /// The slider of a volume view was moved; it takes a moment.
    public func slide(to volume: Float) {
        if Words.all.number("stuck_volume", or: 0) == 0 {
            DispatchQueue.global().asyncAfter(deadline: .now() + 0.03) {
                self.locked {
                    if self.isCalling {
                        self.callVolume = volume
                    } else {
                        self.volume = volume
                    }
                }
            }
        }
    }
}

public class AVAudioApplication: NSObject, @unchecked Sendable {
    public static let shared = AVAudioApplication()
    public fileprivate(set) var isInputMuted = false
}

public class AVCaptureDevice: NSObject {
    public enum MicrophoneMode: Int, Sendable { case standard, wideSpectrum, voiceIsolation }
    public class var activeMicrophoneMode: MicrophoneMode { .standard }
}
