/// The little of SwiftUI that the app uses. The screen is printed, line by line, whenever it changed.
@_exported import Combine
import FakeUnit
@_exported import UIKit

// MARK: - views

@preconcurrency @MainActor public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

/// A view that is shown as it is.
@MainActor protocol Shown {
    var lines: [String] { get }
}

extension Never: View {}

extension View where Body == Never {
    public var body: Never { return fatalError("shown by its own lines") }
}

@MainActor @resultBuilder public enum ViewBuilder {
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }

    public static func buildBlock<each Content: View>(
        _ content: repeat each Content
    ) -> TupleView<(repeat each Content)> {
        var all: [any View] = []
        repeat all.append(each content)
        return TupleView(all)
    }
}

public struct TupleView<Content>: View, Shown {
    public typealias Body = Never
    private let parts: [any View]
    init(_ parts: [any View]) { self.parts = parts }
    var lines: [String] { parts.flatMap { shown($0) } }
}

public struct VStack<Content: View>: View, Shown {
    public typealias Body = Never
    private let content: Content
    public init(spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {
        self.content = content()
    }
    var lines: [String] { shown(content) }
}

public struct Text: View, Shown {
    public typealias Body = Never
    private let text: String
    public init(_ text: String) { self.text = text }
    var lines: [String] { [text] }
}

/// A view with an identifier that scripts find it by.
public struct Identified<Content: View>: View, Shown {
    public typealias Body = Never
    let content: Content
    let name: String
    var lines: [String] { shown(content).map { "\(name): \($0)" } }
}

@MainActor func shown(_ view: any View) -> [String] {
    if let shown = view as? Shown {
        return shown.lines
    }
    return shown(view.body)
}

public struct Font: Sendable {
    public static let headline = Font(), title2 = Font(), footnote = Font()
}

public struct Color: Sendable {
    public static let red = Color(), secondary = Color()
}

public enum TextAlignment: Sendable {
    case center
}

extension View {
    public func font(_ font: Font?) -> some View { self }
    public func foregroundColor(_ color: Color?) -> some View { self }
    public func multilineTextAlignment(_ alignment: TextAlignment) -> some View { self }
    public func padding() -> some View { self }
    public func accessibilityIdentifier(_ name: String) -> some View {
        Identified(content: self, name: name)
    }
}

@preconcurrency @MainActor @propertyWrapper
public struct ObservedObject<Kind: ObservableObject> {
    public var wrappedValue: Kind
    public init(wrappedValue: Kind) { self.wrappedValue = wrappedValue }
}

// MARK: - the app

@preconcurrency @MainActor public protocol Scene {
    var root: any View { get }
}

public struct WindowGroup<Content: View>: Scene {
    private let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }
    public var root: any View { content }
}

@preconcurrency @MainActor @propertyWrapper
public struct UIApplicationDelegateAdaptor<Delegate: UIApplicationDelegate> {
    public let wrappedValue: Delegate
    public init(_ type: Delegate.Type) {
        wrappedValue = Delegate()
        UIApplication.shared.delegate = wrappedValue
    }
}

@preconcurrency @MainActor public protocol App {
    associatedtype Body: Scene
    var body: Body { get }
    init()
}

extension App {
    /// Lives until its standard input ends; each line of it is something that happens to the phone.
    public static func main() {
        signal(SIGPIPE, SIG_IGN)
        setvbuf(stdout, nil, Int32(_IOLBF), 0)
        let app = Self()
        var before: [String] = []
        let draw = {
            let now = MainActor.assumeIsolated { shown(app.body.root) }
            if now != before {
                before = now
                print("screen " + now.joined(separator: " | "))
            }
        }
        onPublished = { DispatchQueue.main.async(execute: draw) }
        _ = UIApplication.shared.delegate?.application(
            UIApplication.shared, didFinishLaunchingWithOptions: nil)
        NotificationCenter.default.post(name: UIApplication.didBecomeActiveNotification, object: nil)
        Thread { hear() }.start()
        RunLoop.main.run()
    }
}

/// What happens to the phone, by the first word of a line.
nonisolated(unsafe) public var happenings: [String: (String) -> Void] = [
    "leave": { _ in
        post(UIApplication.didEnterBackgroundNotification)
        Sleep.shared.left()
    },
    "return": { _ in
        Sleep.shared.returned()
        post(UIApplication.didBecomeActiveNotification)
    },
    "take_sockets": { _ in takeSockets() },
]

/// What iOS does to an app that sleeps: what listens listens no more.
private func takeSockets() {
    for socket in Int32(3)..<256 {
        var listens: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        if getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens == 1 {
            shutdown(socket, SHUT_RDWR)
        }
    }
}

private func post(_ name: Notification.Name) {
    NotificationCenter.default.post(name: name, object: nil)
}

private func hear() {
    while let line = readLine() {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard let happen = happenings[words[0]] else {
            fatalError("nothing called \(words[0]) happens here")
        }
        DispatchQueue.main.sync { happen(words.count > 1 ? words[1] : "") }
        print("done \(words[0])")
    }
    let end = Date(timeIntervalSinceNow: 10) // a host that has gone is being cleaned up after
    while fake_left_open() != 0 && Date() < end {
        Thread.sleep(forTimeInterval: 0.01)
    }
    DispatchQueue.main.sync {
        fake_print()
        print("left open \(fake_left_open())")
        exit(fake_left_open())
    }
}
