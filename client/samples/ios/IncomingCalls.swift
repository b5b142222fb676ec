// PushKit wakes the app, CallKit rings. Not compiled in this repository.
//
// In the project: the background modes "voip", "audio" and "remote-notification", and the capability Push Notifications.

import AVFoundation
import CallKit
import PushKit

final class IncomingCalls: NSObject {
    private struct Known {
        let uuid: UUID
        var seq = 0
        var over = false
        var shown = false
    }

    private let backend: Backend
    private let clientId: () -> String
    private let room: VideoRoom
    /// The tokens have changed: register again, with both.
    var tokensChanged: ((_ voip: String) -> Void)?

    private let registry = PKPushRegistry(queue: .main)
    private let provider: CXProvider
    private var calls: [String: Known] = [:]
    private var timers: [String: DispatchSourceTimer] = [:]

    init(backend: Backend, clientId: @escaping () -> String, room: VideoRoom) {
        self.backend = backend
        self.clientId = clientId
        self.room = room
        let configuration = CXProviderConfiguration()
        configuration.supportsVideo = true
        configuration.maximumCallsPerCallGroup = 1
        configuration.supportedHandleTypes = [.generic]
        provider = CXProvider(configuration: configuration)
        super.init()
        provider.setDelegate(self, queue: .main)
        registry.delegate = self
        // At every start of the app, also in the background: the system delivers only to whoever asks.
        registry.desiredPushTypes = [.voIP]
    }

    /// A push of PushKit. It is shown whatever is in it: the system ends an app that shows nothing, and soon wakes it no more.
    private func show(_ push: [AnyHashable: Any], done: @escaping () -> Void) {
        let callId = push["call_id"] as? String ?? UUID().uuidString
        let known = calls[callId]
        let call = known ?? Known(uuid: UUID())
        calls[callId] = call
        let update = CXCallUpdate()
        let name = push["caller_name"] as? String ?? ""
        update.remoteHandle = CXHandle(type: .generic, value: name)
        update.localizedCallerName = name
        update.hasVideo = true
        provider.reportNewIncomingCall(with: call.uuid, update: update) { [weak self] error in
            // The user's focus refuses it, or it is on the screen already: nothing rings by this push then.
            if error == nil { self?.rings(callId, push) }
            done()
        }
        if known?.over == true { provider.reportCall(with: call.uuid, endedAt: nil, reason: .remoteEnded) }
    }

    private func rings(_ callId: String, _ push: [AnyHashable: Any]) {
        guard calls[callId]?.over == false else { return }
        calls[callId]?.shown = true
        let remaining = (push["remaining_ms"] as? String).flatMap(Int.init) ?? 30_000
        stop(callId, afterMs: remaining)
        Task { @MainActor in
            // A push may have waited: the backend knows.
            guard let answer = try? await backend.call(callId), answer.status == 200 || answer.status == 404 else { return }
            let left = answer.data["remaining_ms"] as? Int ?? 0
            if answer.data["state"] as? String == "ringing", left > 0 {
                stop(callId, afterMs: left)
                _ = try? await backend.act(callId, "ringing", clientId: clientId(), tries: 2)
            } else if answer.data["state"] as? String != "active" || answer.data["answered_by"] as? String != clientId() {
                ended(callId, .remoteEnded)
            }
        }
    }

    /// A timer that runs on while the phone sleeps, and does not ask for the time of day.
    private func stop(_ callId: String, afterMs: Int) {
        timers[callId]?.cancel()
        let timer = DispatchSource.makeTimerSource(queue: .main)
        timer.schedule(deadline: .now() + .milliseconds(afterMs))
        timer.setEventHandler { [weak self] in self?.ended(callId, .unanswered) }
        timer.resume()
        timers[callId] = timer
    }

    /// A background push, an alert's content, or a message of MQTT about a call that is over: never a VoIP push.
    func changed(_ news: [AnyHashable: Any]) {
        guard let callId = news["call_id"] as? String else { return }
        let seq = (news["seq"] as? String).flatMap(Int.init) ?? news["seq"] as? Int ?? 0
        if let known = calls[callId], seq < known.seq { return }
        calls[callId, default: Known(uuid: UUID())].seq = seq
        guard news["device_id"] as? String != clientId() else { return }
        let answered = news["state"] as? String == "active"
        ended(callId, answered ? .answeredElsewhere : .remoteEnded)
    }

    private func ended(_ callId: String, _ reason: CXCallEndedReason) {
        timers.removeValue(forKey: callId)?.cancel()
        guard let call = calls[callId], !call.over else { return }
        calls[callId]?.over = true
        if call.shown { provider.reportCall(with: call.uuid, endedAt: nil, reason: reason) }
        room.leave()
    }

    private func callId(of uuid: UUID) -> String? {
        calls.first { $0.value.uuid == uuid }?.key
    }
}

extension IncomingCalls: PKPushRegistryDelegate {
    func pushRegistry(_ registry: PKPushRegistry, didUpdate credentials: PKPushCredentials, for type: PKPushType) {
        tokensChanged?(credentials.token.map { String(format: "%02x", $0) }.joined())
    }

    func pushRegistry(
        _ registry: PKPushRegistry,
        didReceiveIncomingPushWith payload: PKPushPayload,
        for type: PKPushType,
        completion: @escaping () -> Void
    ) {
        show(payload.dictionaryPayload, done: completion)
    }
}

extension IncomingCalls: CXProviderDelegate {
    func providerDidReset(_ provider: CXProvider) {
        timers.values.forEach { $0.cancel() }
        timers = [:]
        room.leave()
    }

    func provider(_ provider: CXProvider, perform action: CXAnswerCallAction) {
        guard let callId = callId(of: action.callUUID) else { return action.fail() }
        timers.removeValue(forKey: callId)?.cancel()
        Task { @MainActor in
            let answer = try? await backend.act(callId, "accepted", clientId: clientId())
            guard let answer, answer.code == 0, let info = answer.data["room_info"] as? [String: Any] else {
                action.fail()
                return ended(callId, answer?.code == 40901 ? .answeredElsewhere : .failed)
            }
            room.prepare(info)
            action.fulfill()
        }
    }

    func provider(_ provider: CXProvider, perform action: CXEndCallAction) {
        guard let callId = callId(of: action.callUUID), let call = calls[callId] else { return action.fail() }
        let active = room.isIn
        timers.removeValue(forKey: callId)?.cancel()
        calls[callId]?.over = true
        room.leave()
        action.fulfill()
        guard !call.over else { return }
        Task { _ = try? await backend.act(callId, active ? "hangup" : "rejected", clientId: clientId()) }
    }

    func provider(_ provider: CXProvider, perform action: CXSetMutedCallAction) {
        room.mute(microphone: action.isMuted)
        action.fulfill()
    }

    /// Only now does the audio belong to the app.
    func provider(_ provider: CXProvider, didActivate session: AVAudioSession) {
        room.enter()
    }
}
