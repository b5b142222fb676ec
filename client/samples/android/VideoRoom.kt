// The room of a call, with TRTC's SDK for Android. Not compiled in this repository.

package com.example.doorbell

import android.content.Context
import android.os.Bundle
import com.tencent.rtmp.ui.TXCloudVideoView
import com.tencent.trtc.TRTCCloud
import com.tencent.trtc.TRTCCloudDef
import com.tencent.trtc.TRTCCloudListener
import org.json.JSONObject

/** `trouble` hears what the person should see; `alone` that the other side has left. */
class VideoRoom(
    context: Context,
    private val local: TXCloudVideoView,
    private val remote: TXCloudVideoView,
    private val trouble: (String) -> Unit,
    private val alone: () -> Unit,
) {
    private val trtc = TRTCCloud.sharedInstance(context.applicationContext)

    /** `room` is `room_info` of the response to `accepted`, or of `GET /api/calls/{call_id}`: not of a message, where user_sig is encrypted. */
    fun enter(room: JSONObject) {
        trtc.setListener(listener)
        val video = TRTCCloudDef.TRTCVideoEncParam().apply {
            videoResolution = TRTCCloudDef.TRTC_VIDEO_RESOLUTION_640_360
            videoFps = 15
            videoBitrate = 600
        }
        trtc.setVideoEncoderParam(video)
        trtc.startLocalPreview(true, local)
        trtc.startLocalAudio(TRTCCloudDef.TRTC_AUDIO_QUALITY_SPEECH)
        trtc.enterRoom(params(room), TRTCCloudDef.TRTC_APP_SCENE_VIDEOCALL)
    }

    /** Looks and listens only: neither camera nor microphone is opened. `room` is that of a preview. */
    fun preview(room: JSONObject) {
        trtc.setListener(listener)
        trtc.enterRoom(params(room), TRTCCloudDef.TRTC_APP_SCENE_VIDEOCALL)
    }

    private fun params(room: JSONObject) = TRTCCloudDef.TRTCParams().apply {
        sdkAppId = room.getInt("sdk_app_id")
        userId = room.getString("user_id")
        userSig = room.getString("user_sig")
        roomId = room.getString("room_id").toInt()
        // Without it nobody enters a room where advanced permission control is switched on.
        privateMapKey = room.optString("private_map_key")
    }

    fun mute(microphone: Boolean, camera: Boolean) {
        trtc.muteLocalAudio(microphone)
        trtc.muteLocalVideo(TRTCCloudDef.TRTC_VIDEO_STREAM_TYPE_BIG, camera)
    }

    fun leave() {
        trtc.stopLocalPreview()
        trtc.stopLocalAudio()
        trtc.exitRoom()
        trtc.setListener(null)
    }

    private val listener = object : TRTCCloudListener() {
        override fun onEnterRoom(result: Long) {
            // Milliseconds, or a negative error code.
            if (result < 0) trouble("the room cannot be entered: $result")
        }

        override fun onUserVideoAvailable(userId: String, available: Boolean) {
            if (available) {
                trtc.startRemoteView(userId, TRTCCloudDef.TRTC_VIDEO_STREAM_TYPE_BIG, remote)
            } else {
                trtc.stopRemoteView(userId, TRTCCloudDef.TRTC_VIDEO_STREAM_TYPE_BIG)
            }
        }

        override fun onRemoteUserLeaveRoom(userId: String, reason: Int) = alone()

        override fun onError(code: Int, message: String?, extra: Bundle?) = trouble("$code: $message")
    }
}
