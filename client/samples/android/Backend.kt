// Requests to the backend. Not compiled in this repository.

package com.example.doorbell

import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.UUID
import kotlin.random.Random
import org.json.JSONObject

/** What the backend said: `code` is 0, or one of the codes of docs/protocol.md. */
class Answer(val status: Int, val code: Int, val data: JSONObject, val retryAfterMs: Long?)

/** `token` gives an access token of the login service. All functions block: call them on a thread of their own. */
class Backend(private val server: String, private val token: () -> String) {

    fun register(registration: JSONObject): JSONObject =
        insist("POST", "/api/mqtt/clients/register", registration, null, tries = 8).data

    fun call(callId: String): Answer = insist("GET", "/api/calls/$callId", null, null, tries = 3)

    /**
     * `action` is `ringing`, `accepted`, `declined`, `rejected` or `hangup`. `clientId` is the name that registration answered: without
     * it the backend cannot tell this phone from the person's others. One tap is one key, however often it is sent.
     */
    fun act(callId: String, action: String, clientId: String, tries: Int = 5): Answer {
        val body = JSONObject().put("call_id", callId).put("action", action).put("client_id", clientId)
        return insist("POST", "/api/calls/callee-action", body, UUID.randomUUID().toString(), tries)
    }

    /** Sends the same request again after no answer, 429 and 5xx, with a random wait: 0 to 1 s, 0 to 2, 4, 8. */
    private fun insist(method: String, path: String, body: JSONObject?, key: String?, tries: Int): Answer {
        var spread = 1_000L
        for (tried in 1..tries) {
            val answer = try {
                send(method, path, body, key)
            } catch (e: IOException) {
                if (tried == tries) throw e else null
            }
            if (answer != null && answer.status != 429 && answer.status < 500) return answer
            if (answer != null && tried == tries) return answer
            val asked = answer?.retryAfterMs
            Thread.sleep(if (asked != null) asked + Random.nextLong(1_000) else Random.nextLong(spread))
            spread = minOf(spread * 2, 30_000)
        }
        throw IOException("no answer")
    }

    private fun send(method: String, path: String, body: JSONObject?, key: String?): Answer {
        val connection = URL(server + path).openConnection() as HttpURLConnection
        try {
            connection.requestMethod = method
            connection.connectTimeout = 5_000
            connection.readTimeout = 10_000
            connection.setRequestProperty("Authorization", "Bearer ${token()}")
            key?.let { connection.setRequestProperty("Idempotency-Key", it) }
            if (body != null) {
                connection.doOutput = true
                connection.setRequestProperty("Content-Type", "application/json")
                connection.outputStream.use { it.write(body.toString().toByteArray()) }
            }
            val status = connection.responseCode
            val stream = if (status < 400) connection.inputStream else connection.errorStream
            val text = stream?.bufferedReader()?.use { it.readText() }.orEmpty()
            // API Gateway refuses with a body of its own, which has no `code`: then the status says what to do.
            val envelope = runCatching { JSONObject(text) }.getOrDefault(JSONObject())
            val retryAfter = connection.getHeaderField("Retry-After")?.toLongOrNull()?.times(1_000)
            val data = envelope.optJSONObject("data") ?: JSONObject()
            return Answer(status, envelope.optInt("code", -1), data, retryAfter)
        } finally {
            connection.disconnect()
        }
    }
}
