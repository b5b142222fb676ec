// The calls that a phone knows, whichever way it heard of them. Not compiled in this repository.

package com.example.doorbell

import android.os.Handler
import android.os.Looper
import android.os.SystemClock
import org.json.JSONObject

/** What the app shows; called on the main thread. */
interface CallScreen {
    fun ring(callId: String, callerName: String, waiting: Boolean)
    fun silence(callId: String)
    fun missed(callerName: String)
}

/**
 * One for the process. Push and MQTT tell of the same calls: both come in here, in any order and more than once. The phone's time of day is
 * never asked for, because it may be wrong by minutes.
 */
class Ringing(private val backend: Backend, private val clientId: () -> String, private val screen: CallScreen) {
    private class Known(var seq: Int = 0, var over: Boolean = false, var rings: Boolean = false, var reported: Boolean = false)

    private val main = Handler(Looper.getMainLooper())
    private val calls = HashMap<String, Known>()
    private val seen = LinkedHashSet<String>()

    /** A message of calls/incoming. `atOnce` unless it may have waited in the session. */
    fun incoming(message: JSONObject) = main.post {
        if (!isNews(message)) return@post
        val name = message.optJSONObject("caller_info")?.optString("name").orEmpty()
        ring(message.getString("call_id"), name, message.optLong("remaining_ms"), message.optBoolean("waiting"))
    }

    /** A message of calls/control or devices/sync. */
    fun changed(message: JSONObject) = main.post {
        if (!isNews(message)) return@post
        val own = message.optString("device_id") == clientId()
        when (message.optString("action")) {
            "accepted", "rejected" -> if (!own) over(message.getString("call_id"))
            "cancelled", "hangup" -> over(message.getString("call_id"))
        }
    }

    /** A push's data: all of its fields are texts. A call is asked about before it rings. */
    fun pushed(data: Map<String, String>) {
        val callId = data["call_id"] ?: return
        val push = JSONObject(data as Map<*, *>).put("seq", data["seq"]?.toIntOrNull() ?: 0)
        when (data["type"]) {
            "VIDEO_CALL" -> Thread { askAndRing(callId, data["caller_name"].orEmpty(), data["waiting"] == "true") }.start()
            "CALL_ENDED" -> main.post {
                if (!isNews(push) || data["device_id"] == clientId()) return@post
                over(callId)
                if (data["state"] == "cancelled") screen.missed(data["caller_name"].orEmpty())
            }
        }
    }

    private fun askAndRing(callId: String, name: String, waiting: Boolean) {
        val answer = runCatching { backend.call(callId) }.getOrNull()
        main.post {
            val call = answer?.data
            val rings = call == null || call.optString("state") == "ringing" && call.optLong("remaining_ms") > 0
            // Nobody can say whether it still rings: better a short ring for nothing than none.
            if (rings) ring(callId, name, call?.optLong("remaining_ms") ?: 20_000, waiting) else over(callId)
        }
    }

    /** The rules of what to drop: what was seen, and what is older than what is known. */
    private fun isNews(message: JSONObject): Boolean {
        val id = message.optString("message_id")
        if (id.isNotEmpty() && !seen.add(id)) return false
        if (seen.size > 500) seen.remove(seen.first())
        val call = calls.getOrPut(message.optString("call_id")) { Known() }
        val seq = message.optInt("seq")
        if (seq < call.seq) return false
        call.seq = seq
        return true
    }

    private fun ring(callId: String, name: String, remainingMs: Long, waiting: Boolean) {
        val call = calls.getOrPut(callId) { Known() }
        if (call.over || call.rings || remainingMs <= 0) return
        call.rings = true
        screen.ring(callId, name, waiting)
        // A timer of the steady clock. It runs on while the phone sleeps, unlike Handler.postDelayed.
        val until = SystemClock.elapsedRealtime() + remainingMs
        main.post(object : Runnable {
            override fun run() {
                val left = until - SystemClock.elapsedRealtime()
                if (left > 0) main.postDelayed(this, minOf(left, 1_000)) else silence(callId)
            }
        })
        if (!call.reported) {
            call.reported = true
            Thread { runCatching { backend.act(callId, "ringing", clientId(), tries = 2) } }.start()
        }
    }

    private fun silence(callId: String) {
        val call = calls[callId] ?: return
        if (!call.rings) return
        call.rings = false
        screen.silence(callId)
    }

    fun over(callId: String) {
        calls.getOrPut(callId) { Known() }.over = true
        silence(callId)
    }

    /** The person answers. `entered` gets the room of the call; it is null where another phone was first. */
    fun answer(callId: String, entered: (JSONObject?) -> Unit) {
        silence(callId)
        Thread {
            val answer = runCatching { backend.act(callId, "accepted", clientId()) }.getOrNull()
            val room = answer?.takeIf { it.code == 0 }?.data?.optJSONObject("room_info")
            main.post {
                if (room == null) over(callId)
                entered(room)
            }
        }.start()
    }

    /** `declined` silences this phone alone, `rejected` all of the person's. */
    fun refuse(callId: String, action: String) {
        silence(callId)
        if (action == "rejected") over(callId)
        Thread { runCatching { backend.act(callId, action, clientId()) } }.start()
    }
}
