/// Understood, and not done: a code of the contract (Core/words.h) and one plain line for the user.
struct Refusal: Error {
    let code: String
    let text: String
    /// The rate at which the output opens; 0 unless the code is rate_differs.
    var grantedRateHz: Int32 = 0

    static func unsupported(_ text: String) -> Refusal {
        Refusal(code: CP_UNSUPPORTED, text: text)
    }

    static func openFailed(_ text: String) -> Refusal {
        Refusal(code: CP_OPEN_FAILED, text: text)
    }

    static func streamLost(_ text: String) -> Refusal {
        Refusal(code: CP_STREAM_LOST, text: text)
    }
}
