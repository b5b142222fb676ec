// Firebase wakes the app. Not compiled in this repository.

package com.example.doorbell

import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.media.AudioAttributes
import android.media.RingtoneManager
import androidx.core.app.NotificationCompat
import androidx.core.app.Person
import com.google.firebase.messaging.FirebaseMessagingService
import com.google.firebase.messaging.RemoteMessage

/** Only a data message reaches this while the app does not run: the backend sends nothing else about a call that rings. */
class CallMessagingService : FirebaseMessagingService() {
    override fun onMessageReceived(message: RemoteMessage) {
        when (message.data["type"]) {
            // The token changed hands on this phone: prove that it did.
            "PUSH_CONFIRM" -> message.data["nonce"]?.let { App.of(this).confirmPushToken(it) }
            else -> App.of(this).ringing.pushed(message.data)
        }
    }

    /** Registering again replaces the old token. */
    override fun onNewToken(token: String) = App.of(this).register(pushToken = token)
}

/** The notification that rings. Its channel decides on sound and importance, and cannot be changed once it exists. */
class CallNotifications(private val context: Context) : CallScreen {
    private val manager = context.getSystemService(NotificationManager::class.java)

    init {
        val calls = NotificationChannel("calls", "Calls", NotificationManager.IMPORTANCE_HIGH)
        val tone = RingtoneManager.getDefaultUri(RingtoneManager.TYPE_RINGTONE)
        val use = AudioAttributes.Builder().setUsage(AudioAttributes.USAGE_NOTIFICATION_RINGTONE).build()
        calls.setSound(tone, use)
        calls.enableVibration(true)
        val quiet = NotificationChannel("missed", "Missed calls", NotificationManager.IMPORTANCE_DEFAULT)
        manager.createNotificationChannels(listOf(calls, quiet))
    }

    override fun ring(callId: String, callerName: String, waiting: Boolean) {
        // Telecom decides whether it may ring beside another call: see CallConnectionService.
        if (CallConnectionService.announce(context, callId, callerName)) return
        show(callId, callerName)
    }

    fun show(callId: String, callerName: String) {
        val caller = Person.Builder().setName(callerName).setImportant(true).build()
        val notification = NotificationCompat.Builder(context, "calls")
            .setSmallIcon(R.drawable.ic_call)
            .setCategory(NotificationCompat.CATEGORY_CALL)
            .setOngoing(true)
            .setStyle(NotificationCompat.CallStyle.forIncomingCall(caller, does(callId, "declined"), does(callId, "accepted")))
            // On a locked phone this opens the activity; on one that is in use the system shows a banner.
            .setFullScreenIntent(does(callId, "show"), true)
            .build()
        // The sound goes on until the notification is taken away.
        notification.flags = notification.flags or android.app.Notification.FLAG_INSISTENT
        manager.notify(callId, 1, notification)
    }

    private fun does(callId: String, action: String): PendingIntent {
        val intent = Intent(context, IncomingCallActivity::class.java).setAction(action).putExtra("call_id", callId)
        intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        val flags = PendingIntent.FLAG_IMMUTABLE or PendingIntent.FLAG_UPDATE_CURRENT
        return PendingIntent.getActivity(context, (callId + action).hashCode(), intent, flags)
    }

    override fun silence(callId: String) {
        manager.cancel(callId, 1)
        CallConnectionService.end(callId)
    }

    override fun missed(callerName: String) {
        val notification = NotificationCompat.Builder(context, "missed")
            .setSmallIcon(R.drawable.ic_call)
            .setCategory(NotificationCompat.CATEGORY_MISSED_CALL)
            .setContentTitle(callerName)
            .build()
        manager.notify(System.nanoTime().toInt(), notification)
    }
}
