// Requests to the backend. Not compiled in this repository.

import Foundation

struct Answer {
    let status: Int
    let code: Int
    let data: [String: Any]
}

final class Backend {
    private let server: URL
    private let token: () -> String

    init(server: URL, token: @escaping () -> String) {
        self.server = server
        self.token = token
    }

    func call(_ callId: String) async throws -> Answer {
        try await insist("GET", "/api/calls/\(callId)", body: nil, key: nil, tries: 3)
    }

    /// `action` is `ringing`, `accepted`, `declined`, `rejected` or `hangup`. One tap is one key, however often it is sent.
    func act(_ callId: String, _ action: String, clientId: String, tries: Int = 5) async throws -> Answer {
        let body = ["call_id": callId, "action": action, "client_id": clientId]
        return try await insist("POST", "/api/calls/callee-action", body: body, key: UUID().uuidString, tries: tries)
    }

    func register(_ registration: [String: Any]) async throws -> Answer {
        try await insist("POST", "/api/mqtt/clients/register", body: registration, key: nil, tries: 8)
    }

    /// Sends the same request again after no answer, 429 and 5xx, with a random wait: 0 to 1 s, 0 to 2, 4, 8.
    private func insist(_ method: String, _ path: String, body: [String: Any]?, key: String?, tries: Int) async throws -> Answer {
        var spread = 1.0
        var last: Error = URLError(.timedOut)
        for tried in 1...tries {
            var wait = Double.random(in: 0..<spread)
            do {
                let (answer, retryAfter) = try await send(method, path, body: body, key: key)
                if answer.status != 429 && answer.status < 500 || tried == tries { return answer }
                if let retryAfter { wait = retryAfter + Double.random(in: 0..<1) }
            } catch {
                last = error
            }
            if tried < tries { try await Task.sleep(nanoseconds: UInt64(wait * 1_000_000_000)) }
            spread = min(spread * 2, 30)
        }
        throw last
    }

    private func send(_ method: String, _ path: String, body: [String: Any]?, key: String?) async throws -> (Answer, Double?) {
        var request = URLRequest(url: URL(string: path, relativeTo: server)!, timeoutInterval: 10)
        request.httpMethod = method
        request.setValue("Bearer \(token())", forHTTPHeaderField: "Authorization")
        if let key { request.setValue(key, forHTTPHeaderField: "Idempotency-Key") }
        if let body {
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            request.httpBody = try JSONSerialization.data(withJSONObject: body)
        }
        let (text, response) = try await URLSession.shared.data(for: request)
        let http = response as! HTTPURLResponse
        // API Gateway refuses with a body of its own, which has no `code`: then the status says what to do.
        let envelope = (try? JSONSerialization.jsonObject(with: text)) as? [String: Any] ?? [:]
        let answer = Answer(
            status: http.statusCode,
            code: envelope["code"] as? Int ?? -1,
            data: envelope["data"] as? [String: Any] ?? [:]
        )
        return (answer, http.value(forHTTPHeaderField: "Retry-After").flatMap(Double.init))
    }
}
