import UIKit

/// Battery and heat, as far as iOS says: no temperature, and the level in steps.
enum Health {
    /// Once, on the main thread.
    static func begin() {
        UIDevice.current.isBatteryMonitoringEnabled = true
    }

    /// Into a report.
    static func write(into writer: OpaquePointer) {
        let level = DispatchQueue.main.sync { UIDevice.current.batteryLevel }
        if level >= 0 {
            cp_write_number(writer, "battery_percent", (Double(level) * 1000).rounded() / 10)
        }
        cp_write_text(writer, "thermal_status", thermal, 32)
    }

    /// In the words of Android's scale, which the gates are written in.
    static var thermal: String {
        switch ProcessInfo.processInfo.thermalState {
        case .nominal: return "none"
        case .fair: return "light"
        case .serious: return "severe"
        case .critical: return "critical"
        @unknown default: return "unknown"
        }
    }
}
