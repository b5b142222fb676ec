// Telecom knows of the call: a self-managed ConnectionService. Not compiled in this repository.

package com.example.doorbell

import android.content.ComponentName
import android.content.Context
import android.net.Uri
import android.os.Bundle
import android.telecom.CallAudioState
import android.telecom.Connection
import android.telecom.ConnectionRequest
import android.telecom.ConnectionService
import android.telecom.DisconnectCause
import android.telecom.PhoneAccount
import android.telecom.PhoneAccountHandle
import android.telecom.TelecomManager
import java.util.concurrent.ConcurrentHashMap

class CallConnectionService : ConnectionService() {
    override fun onCreateIncomingConnection(account: PhoneAccountHandle, request: ConnectionRequest): Connection {
        val callId = request.extras.getString("call_id").orEmpty()
        val name = request.extras.getString("caller_name").orEmpty()
        val connection = DoorCall(applicationContext, callId, name)
        connections[callId] = connection
        connection.connectionProperties = Connection.PROPERTY_SELF_MANAGED
        connection.audioModeIsVoip = true
        connection.setCallerDisplayName(name, TelecomManager.PRESENTATION_ALLOWED)
        connection.setRinging()
        return connection
    }

    /** The system will not have it, as during an emergency call: this phone is silent, the person's others ring on. */
    override fun onCreateIncomingConnectionFailed(account: PhoneAccountHandle, request: ConnectionRequest) {
        request.extras.getString("call_id")?.let { App.of(this).ringing.refuse(it, "declined") }
    }

    companion object {
        private val connections = ConcurrentHashMap<String, DoorCall>()

        private fun account(context: Context) =
            PhoneAccountHandle(ComponentName(context, CallConnectionService::class.java), "calls")

        /** Once, when the app starts. */
        fun registerAccount(context: Context) {
            val account = PhoneAccount.builder(account(context), "Door")
                .setCapabilities(PhoneAccount.CAPABILITY_SELF_MANAGED or PhoneAccount.CAPABILITY_VIDEO_CALLING)
                .build()
            context.getSystemService(TelecomManager::class.java).registerPhoneAccount(account)
        }

        /** Whether Telecom took it: it then asks the connection to show itself. */
        fun announce(context: Context, callId: String, callerName: String): Boolean {
            val extras = Bundle()
            extras.putString("call_id", callId)
            extras.putString("caller_name", callerName)
            val request = Bundle()
            request.putBundle(TelecomManager.EXTRA_INCOMING_CALL_EXTRAS, extras)
            request.putParcelable(TelecomManager.EXTRA_INCOMING_CALL_ADDRESS, Uri.fromParts("sip", callerName, null))
            return runCatching {
                context.getSystemService(TelecomManager::class.java).addNewIncomingCall(account(context), request)
            }.isSuccess
        }

        fun answered(callId: String) = connections[callId]?.setActive()

        fun end(callId: String) {
            val connection = connections.remove(callId) ?: return
            connection.setDisconnected(DisconnectCause(DisconnectCause.CANCELED))
            connection.destroy()
        }
    }
}

/** What the system, a headset or a car does to the call. */
class DoorCall(private val context: Context, private val callId: String, private val name: String) : Connection() {
    override fun onShowIncomingCallUi() = CallNotifications(context).show(callId, name)

    override fun onAnswer() = App.of(context).answer(callId)

    override fun onReject() = App.of(context).ringing.refuse(callId, "rejected")

    override fun onDisconnect() = App.of(context).hangUp(callId)

    override fun onAbort() = App.of(context).hangUp(callId)

    /** Another call is taken: a conversation at the door is not held, it ends. */
    override fun onHold() = App.of(context).hangUp(callId)

    override fun onCallAudioStateChanged(state: CallAudioState) = App.of(context).audioRoute(state.route)
}
