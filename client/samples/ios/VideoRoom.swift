// The room of a call, with TRTC's SDK for iOS. Not compiled in this repository.

import TXLiteAVSDK_TRTC
import UIKit

final class VideoRoom: NSObject {
    private let local: UIView
    private let remote: UIView
    private let trouble: (String) -> Void
    private var params: TRTCParams?
    private(set) var isIn = false

    init(local: UIView, remote: UIView, trouble: @escaping (String) -> Void) {
        self.local = local
        self.remote = remote
        self.trouble = trouble
    }

    /// `room` is `room_info` of the response to `accepted`: not of a message, where user_sig is encrypted.
    func prepare(_ room: [String: Any]) {
        let params = TRTCParams()
        params.sdkAppId = UInt32(room["sdk_app_id"] as? Int ?? 0)
        params.userId = room["user_id"] as? String ?? ""
        params.userSig = room["user_sig"] as? String ?? ""
        params.roomId = UInt32(room["room_id"] as? String ?? "") ?? 0
        // Without it nobody enters a room where advanced permission control is switched on.
        params.privateMapKey = room["private_map_key"] as? String ?? ""
        self.params = params
    }

    func enter() {
        guard let params, !isIn else { return }
        isIn = true
        let trtc = TRTCCloud.sharedInstance()
        trtc.delegate = self
        let video = TRTCVideoEncParam()
        video.videoResolution = ._640_360
        video.videoFps = 15
        video.videoBitrate = 600
        trtc.setVideoEncoderParam(video)
        trtc.startLocalPreview(true, view: local)
        trtc.startLocalAudio(.speech)
        trtc.enterRoom(params, appScene: .videoCall)
    }

    func mute(microphone: Bool) {
        TRTCCloud.sharedInstance().muteLocalAudio(microphone)
    }

    func leave() {
        params = nil
        guard isIn else { return }
        isIn = false
        let trtc = TRTCCloud.sharedInstance()
        trtc.stopLocalPreview()
        trtc.stopLocalAudio()
        trtc.exitRoom()
    }
}

extension VideoRoom: TRTCCloudDelegate {
    func onEnterRoom(_ result: Int) {
        // Milliseconds, or a negative error code.
        if result < 0 { trouble("the room cannot be entered: \(result)") }
    }

    func onUserVideoAvailable(_ userId: String, available: Bool) {
        if available {
            TRTCCloud.sharedInstance().startRemoteView(userId, streamType: .big, view: remote)
        } else {
            TRTCCloud.sharedInstance().stopRemoteView(userId, streamType: .big)
        }
    }

    func onError(_ errCode: TXLiteAVError, errMsg: String?, extInfo: [AnyHashable: Any]?) {
        trouble("\(errCode.rawValue): \(errMsg ?? "")")
    }
}
