/// The little of Combine that the app uses: a change of a published value is told to one listener.
public protocol ObservableObject: AnyObject {}

/// Called after every change, on the thread that made it.
nonisolated(unsafe) public var onPublished: () -> Void = {}

@propertyWrapper
public struct Published<Value> {
    private var value: Value

    public init(wrappedValue: Value) {
        value = wrappedValue
    }

    public var wrappedValue: Value {
        get { value }
        set {
            value = newValue
            onPublished()
        }
    }
}
