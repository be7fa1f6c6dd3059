/// The little of UIKit that the app uses, isolated to the main actor as Apple's is.
@_exported import Darwin
import FakeUnit
@_exported import Foundation

extension ProcessInfo {
    public enum ThermalState: Int, Sendable { case nominal, fair, serious, critical }
    public var thermalState: ThermalState { .nominal }
    public var isLowPowerModeEnabled: Bool { false }
}

@preconcurrency @MainActor open class UIView: NSObject {
    public var alpha: CGFloat = 1
    public private(set) var subviews: [UIView] = []
    public private(set) weak var superview: UIView?

    public init(frame: CGRect) {
        super.init()
    }

    public func addSubview(_ view: UIView) {
        subviews.append(view)
        view.superview = self
    }
}

@preconcurrency @MainActor open class UIControl: UIView {
    public struct Event: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let valueChanged = Event(rawValue: 1 << 12)
    }

    /// What the system does when the control's value was changed.
    public var onAction: (UIControl) -> Void = { _ in }

    public func sendActions(for events: Event) {
        onAction(self)
    }
}

@preconcurrency @MainActor public final class UISlider: UIControl {
    public private(set) var value: Float = 0

    public func setValue(_ value: Float, animated: Bool) {
        self.value = value
    }
}

@preconcurrency @MainActor public final class UIWindow: UIView {}

@preconcurrency @MainActor open class UIScene: NSObject {}

@preconcurrency @MainActor public final class UIWindowScene: UIScene {
    public let windows = [UIWindow(frame: CGRect(x: 0, y: 0, width: 390, height: 844))]
}

public enum UIUserInterfaceIdiom: Int, Sendable {
    case unspecified = -1, phone, pad
}

@preconcurrency @MainActor public final class UIDevice: NSObject {
    public static let current = UIDevice()
    public let systemName = "iOS"
    public let systemVersion = "17.0"
    public let userInterfaceIdiom = UIUserInterfaceIdiom.phone
    public var isBatteryMonitoringEnabled = false
    /// -1 unless it is being watched, as on a phone.
    public var batteryLevel: Float { isBatteryMonitoringEnabled ? 0.85 : -1 }
}

@preconcurrency @MainActor public protocol UIApplicationDelegate: AnyObject {
    init()
    func application(
        _ application: UIApplication,
        didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]?
    ) -> Bool
}

@preconcurrency @MainActor public final class UIApplication: NSObject {
    public struct LaunchOptionsKey: Hashable, Sendable {
        public let rawValue: String
    }

    public static let shared = UIApplication()
    nonisolated public static let didBecomeActiveNotification = Notification.Name("didBecomeActive")
    nonisolated public static let didEnterBackgroundNotification = Notification.Name("didEnterBackground")
    public var isIdleTimerDisabled = false
    public let connectedScenes: Set<UIScene> = [UIWindowScene()]
    public var delegate: UIApplicationDelegate?

    nonisolated public func beginBackgroundTask(
        withName name: String?, expirationHandler: (@MainActor @Sendable () -> Void)? = nil
    ) -> UIBackgroundTaskIdentifier {
        Sleep.shared.begin(expirationHandler ?? {})
    }

    nonisolated public func endBackgroundTask(_ task: UIBackgroundTaskIdentifier) {
        Sleep.shared.end(task)
    }
}

public struct UIBackgroundTaskIdentifier: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let invalid = UIBackgroundTaskIdentifier(rawValue: 0)
}

/// What becomes of an app that has left the screen: when neither sound nor a background task keeps
/// it, the process stops until it comes back (SIGCONT). The word background_s says how long a task
/// may last; one that is not ended then costs the app its life.
public final class Sleep: @unchecked Sendable {
    public static let shared = Sleep()
    private let lock = NSLock()
    private var tasks: [Int: (Date, @MainActor @Sendable () -> Void)] = [:]
    private var count = 0
    private var leftAt: Date?
    private let allowedS: Double
    private static let graceS = 0.3, dyingS = 2.0

    private init() {
        let word = CommandLine.arguments.first { $0.hasPrefix("background_s=") }
        allowedS = word.flatMap { Double($0.dropFirst("background_s=".count)) } ?? 30
    }

    func begin(_ over: @escaping @MainActor @Sendable () -> Void) -> UIBackgroundTaskIdentifier {
        lock.lock()
        defer { lock.unlock() }
        count += 1
        tasks[count] = (Date(), over)
        return UIBackgroundTaskIdentifier(rawValue: count)
    }

    func end(_ task: UIBackgroundTaskIdentifier) {
        lock.lock()
        tasks[task.rawValue] = nil
        lock.unlock()
    }

    public func left() {
        lock.lock()
        leftAt = Date()
        lock.unlock()
        Thread { self.watch() }.start()
    }

    public func returned() {
        lock.lock()
        leftAt = nil
        lock.unlock()
    }

    private func watch() {
        var told: Set<Int> = []
        while true {
            Thread.sleep(forTimeInterval: 0.02)
            lock.lock()
            let left = leftAt
            let open = tasks
            lock.unlock()
            guard let left = left else {
                return
            }
            for (task, (begun, over)) in open where fake_left_open() == 0 {
                let age = Date().timeIntervalSince(max(begun, left))
                if age > allowedS && told.insert(task).inserted {
                    DispatchQueue.main.async { over() }
                } else if age > allowedS + Sleep.dyingS {
                    fatalError("iOS ends an app that keeps a background task")
                }
            }
            let idle = open.isEmpty && fake_left_open() == 0
            if idle && Date().timeIntervalSince(left) > Sleep.graceS {
                lock.lock() // a return waits until it sleeps
                defer { lock.unlock() }
                if leftAt != nil && tasks.isEmpty {
                    print("asleep")
                    kill(getpid(), SIGSTOP)
                }
                return
            }
        }
    }
}
