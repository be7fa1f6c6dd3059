import AVFoundation
import UIKit

/// What only the main thread may ask, read once when the app starts.
enum UIDeviceFacts {
    static let name = UIDevice.current.systemName
    static let version = UIDevice.current.systemVersion
    static let isPhone = UIDevice.current.userInterfaceIdiom == .phone

    /// On the main thread.
    static func read() {
        _ = (name, version, isPhone)
    }
}

/// What the phone says of itself: the `facts` of the contract. Names for people are the host's.
enum Facts {
    static func write(into writer: OpaquePointer) {
        cp_write_begin(writer, "facts")
        cp_write_object(writer, "facts")
        text(writer, "platform", "ios")
        text(writer, "manufacturer", "Apple")
        text(writer, "model", machine())
        text(writer, "marketing_name", "")
        text(writer, "soc", "")
        text(writer, "os_name", UIDeviceFacts.name)
        text(writer, "os_version", UIDeviceFacts.version)
        text(writer, "os_build", kernel("kern.osversion"))
        let system = SystemAudio.now()
        let rateHz = Int64(system.rateHz.rounded())
        if rateHz >= CP_MIN_RATE_HZ && rateHz <= CP_MAX_RATE_HZ {
            cp_write_integer(writer, "native_rate_hz", rateHz)
        }
        let burst = Int64((system.bufferS * system.rateHz).rounded())
        if burst > 0 && burst <= CP_MAX_BUFFER_FRAMES {
            cp_write_integer(writer, "frames_per_burst", burst)
        }
        cp_write_flag(writer, "is_virtual", false)
        cp_write_flag(writer, "is_emulator", false)
        raw(writer, system)
        text(writer, "collected_at", now())
        cp_write_end(writer)
    }

    private static func text(_ writer: OpaquePointer, _ key: String, _ value: String) {
        cp_write_text(writer, key, value, Int32(CP_MAX_NAME_CHARS))
    }

    private static func raw(_ writer: OpaquePointer, _ system: SystemAudio) {
        let session = AVAudioSession.sharedInstance()
        let process = ProcessInfo.processInfo
        cp_write_object(writer, "raw")
        let categories = session.availableCategories.map { $0.rawValue }
        let modes = session.availableModes.map { $0.rawValue }
        let entries: [(String, String)] = [
            ("apis", "\(CP_API_REMOTE_IO),\(CP_API_VOICE_PROCESSING)"), // its default first
            ("routes", Routes.available().joined(separator: ", ")),
            ("hw.machine", kernel("hw.machine")),
            ("hw.model", kernel("hw.model")),
            ("kern.osversion", kernel("kern.osversion")),
            ("cpu.cores", "\(process.processorCount)"),
            ("memory.bytes", "\(process.physicalMemory)"),
            ("low_power_mode", "\(process.isLowPowerModeEnabled)"),
            ("thermal", Health.thermal),
            ("audio.system_rate_hz", "\(system.rateHz)"),
            ("audio.system_io_buffer_s", "\(system.bufferS)"),
            ("audio.inputs", Routes.name(session.availableInputs ?? [])),
            ("audio.categories", categories.joined(separator: " ")),
            ("audio.modes", modes.joined(separator: " ")),
            ("audio.volume", "\(session.outputVolume)"),
        ]
        for (key, value) in entries {
            cp_write_text(writer, key, value, Int32(CP_MAX_RAW_VALUE_CHARS))
        }
        cp_write_end(writer)
    }

    /// The machine's name, e.g. `iPhone14,7`.
    static func machine() -> String {
        var info = utsname()
        uname(&info)
        return withUnsafeBytes(of: &info.machine) { bytes in
            String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
        }
    }

    private static func kernel(_ name: String) -> String {
        var size = 0
        guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 0 else {
            return ""
        }
        var bytes = [UInt8](repeating: 0, count: size)
        guard sysctlbyname(name, &bytes, &size, nil, 0) == 0 else {
            return ""
        }
        return String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
    }

    private static func now() -> String {
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime]
        return format.string(from: Date()).replacingOccurrences(of: "Z", with: "+00:00")
    }
}
