// A foreground service that keeps the MQTT connection, with Paho. Not compiled in this repository.

package com.example.doorbell

import android.app.Notification
import android.app.Service
import android.content.Intent
import android.net.ConnectivityManager
import android.net.Network
import android.os.Handler
import android.os.HandlerThread
import android.os.IBinder
import androidx.core.app.NotificationCompat
import kotlin.random.Random
import org.eclipse.paho.client.mqttv3.IMqttDeliveryToken
import org.eclipse.paho.client.mqttv3.MqttAsyncClient
import org.eclipse.paho.client.mqttv3.MqttCallbackExtended
import org.eclipse.paho.client.mqttv3.MqttConnectOptions
import org.eclipse.paho.client.mqttv3.MqttException
import org.eclipse.paho.client.mqttv3.MqttMessage
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence
import org.json.JSONObject

/** It connects by itself, without Paho's reconnect: that one keeps the old password, and waits longer and longer from the start. */
class MqttService : Service() {
    private val thread = HandlerThread("mqtt").apply { start() }
    private val worker by lazy { Handler(thread.looper) }
    private var client: MqttAsyncClient? = null
    private var registered: JSONObject? = null
    private var lostAt = 0L
    private var refusals = 0

    override fun onBind(intent: Intent?): IBinder? = null

    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        startForeground(1, notification())
        worker.post { if (client == null) open() }
        return START_STICKY
    }

    override fun onCreate() {
        super.onCreate()
        // Another network: the old connection is dead, and nobody has noticed yet.
        getSystemService(ConnectivityManager::class.java).registerDefaultNetworkCallback(
            object : ConnectivityManager.NetworkCallback() {
                override fun onAvailable(network: Network) {
                    worker.post { reopen(0) }
                }
            },
        )
    }

    override fun onDestroy() {
        worker.post { close() }
        thread.quitSafely()
        super.onDestroy()
    }

    private fun notification(): Notification = NotificationCompat.Builder(this, "missed")
        .setSmallIcon(R.drawable.ic_call)
        .setContentTitle("Ready for calls")
        .setOngoing(true)
        .build()

    private fun open() {
        try {
            val known = registered ?: App.of(this).registerNow().also { registered = it }
            connect(known)
        } catch (e: MqttException) {
            lost(e.reasonCode == MqttException.REASON_CODE_NOT_AUTHORIZED.toInt() || e.reasonCode == MqttException.REASON_CODE_FAILED_AUTHENTICATION.toInt())
        } catch (e: Exception) {
            lost(false)
        }
    }

    private fun connect(known: JSONObject) {
        val credentials = known.getJSONObject("mqtt_credentials")
        val topics = known.getJSONObject("topics")
        val options = MqttConnectOptions().apply {
            mqttVersion = MqttConnectOptions.MQTT_VERSION_3_1_1
            isCleanSession = false
            isAutomaticReconnect = false
            connectionTimeout = 10
            keepAliveInterval = 60
            userName = credentials.getString("username")
            password = credentials.getString("password").toCharArray()
        }
        val connection = MqttAsyncClient(credentials.getString("broker_url"), credentials.getString("client_id"), MemoryPersistence())
        client = connection
        connection.setCallback(object : MqttCallbackExtended {
            override fun connectComplete(reconnect: Boolean, serverUri: String) = Unit
            override fun deliveryComplete(token: IMqttDeliveryToken) = Unit
            override fun connectionLost(cause: Throwable?) {
                worker.post { if (client === connection) lost(false) }
            }
            override fun messageArrived(topic: String, message: MqttMessage) = heard(topic, message)
        })
        connection.connect(options).waitForCompletion(10_000)
        // At every connect: a session that the broker has lost has no subscriptions.
        for (name in topics.keys()) connection.subscribe(topics.getString(name), 1).waitForCompletion(10_000)
        refusals = 0
        lostAt = 0
        // The password ends the connection when it runs out.
        val left = credentials.getLong("expires_at") - App.of(this).backendTimeMs()
        worker.postDelayed({ if (client === connection) { registered = null; reopen(0) } }, maxOf(left - 60_000, 60_000))
        App.of(this).fetchState()
    }

    private fun heard(topic: String, message: MqttMessage) {
        val body = runCatching { JSONObject(String(message.payload)) }.getOrNull() ?: return
        val ringing = App.of(this).ringing
        if (topic.endsWith("/calls/incoming")) ringing.incoming(body) else ringing.changed(body)
    }

    /** Comes back within two seconds for half a minute, and more seldom after that. */
    private fun lost(refused: Boolean) {
        close()
        if (refused) {
            // The password has run out: register again. Who was logged out learns it there (40302).
            registered = null
            refusals += 1
        }
        val now = android.os.SystemClock.elapsedRealtime()
        if (lostAt == 0L) lostAt = now
        val away = now - lostAt
        val longest = if (away < 30_000 && refusals < 2) 2_000L else minOf(60_000L, maxOf(4_000L, away / 4))
        reopen(Random.nextLong(longest))
    }

    private fun reopen(afterMs: Long) {
        worker.removeCallbacksAndMessages(null)
        worker.postDelayed({ close(); open() }, afterMs)
    }

    private fun close() {
        val old = client ?: return
        client = null
        runCatching { old.disconnectForcibly(0, 100) }
        runCatching { old.close() }
    }
}
