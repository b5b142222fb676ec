// What a client must do on a running backend.

import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";

/** How soon after its cause is gone everything is as it should be (the promise is three seconds). */
const CONSISTENT_MS = 3_000;
const ACCEPT = (what, body) => what === "POST /api/calls/callee-action" && body.includes("accepted");
const PLACE = (what) => what === "POST /api/calls";

export const cases = {
  async "it rings with the caller's name"(on) {
    const call = await on.calls();
    const { caller_name } = await on.app.tells("ring", { call_id: call.call_id }, 1_000);
    assert.equal(caller_name, "前门设备");
  },

  async "the door learns that it rings"(on) {
    const call = await on.rung();
    for (let tried = 0; tried < 60; tried++) {
      if ((await on.state(call)).seq >= 2) return;
      await wait(50);
    }
    assert.fail("it did not report that it rings");
  },

  async "it answers, and enters the call's room"(on) {
    const call = await on.rung();
    on.app.does("answer", { call_id: call.call_id });
    const { room_id } = await on.app.tells("enter_room", { call_id: call.call_id });
    const now = await on.becomes(call, "active");
    assert.deepEqual([now.answered_by, now.room_info.room_id], [on.clientId, String(room_id)]);
  },

  async "it rejects for the person"(on) {
    const call = await on.rung();
    on.app.does("reject", { call_id: call.call_id });
    await on.app.tells("stop_ringing", { call_id: call.call_id });
    await on.becomes(call, "rejected");
  },

  async "it declines for itself, and the call rings on"(on) {
    const call = await on.rung();
    on.app.does("decline", { call_id: call.call_id });
    await on.app.tells("stop_ringing", { call_id: call.call_id });
    await wait(500);
    assert.equal((await on.state(call)).state, "ringing");
    await on.person.asCallee(call, "accepted", "other");
  },

  async "who has declined may still answer"(on) {
    const call = await on.rung();
    on.app.does("decline", { call_id: call.call_id });
    await on.app.tells("stop_ringing", { call_id: call.call_id });
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("enter_room", { call_id: call.call_id });
  },

  async "it falls silent when the caller gives up"(on) {
    const call = await on.rung();
    await on.door.asCaller(call, "cancelled");
    await on.app.tells("stop_ringing", { call_id: call.call_id }, 1_000);
  },

  async "it falls silent when another phone answers"(on) {
    const call = await on.rung();
    await on.person.asCallee(call, "accepted", "other");
    await on.app.tells("stop_ringing", { call_id: call.call_id }, 1_000);
    await wait(300);
    on.app.hasNot("enter_room");
  },

  async "it falls silent by itself at the deadline, without a network"(on) {
    const began = performance.now();
    const call = await on.rung(5);
    on.scene.cut();
    const { at } = await on.app.tells("stop_ringing", { call_id: call.call_id });
    assert.ok(at - began < 6_500, `after ${Math.round(at - began)} ms`);
  },

  async "it leaves the room when the door hangs up"(on) {
    const call = await on.rung();
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("enter_room");
    await on.door.asCaller(call, "hangup");
    await on.app.tells("leave_room", { call_id: call.call_id }, 1_000);
    await on.app.tells("call_over", { call_id: call.call_id });
  },

  async "it hangs up"(on) {
    const call = await on.rung();
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("enter_room");
    on.app.does("hang_up", { call_id: call.call_id });
    await on.app.tells("leave_room", { call_id: call.call_id });
    await on.becomes(call, "ended");
  },

  async "whoever loses the race is not in the room"(on) {
    const call = await on.rung();
    on.scene.mqtt.cut();
    on.scene.ws.cut();
    await on.person.asCallee(call, "accepted", "other");
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("call_over", { call_id: call.call_id });
    on.app.hasNot("enter_room");
    assert.equal((await on.state(call)).answered_by, `${on.person.id}_other`);
  },

  async "an answer whose response is lost is given once"(on) {
    const call = await on.rung();
    on.scene.http.plans.push({ fits: ACCEPT, lose: true });
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("enter_room", { call_id: call.call_id });
    assert.equal((await on.state(call)).answered_by, on.clientId);
    const keys = new Set(on.scene.http.seen.filter(({ what, body }) => ACCEPT(what, body) && body.includes(call.call_id)).map(({ key }) => key));
    assert.equal(keys.size, 1, "the same request has the same Idempotency-Key");
  },

  async "it waits as long as a 429 says"(on) {
    const call = await on.rung();
    const body = JSON.stringify({ code: 42901, message: "", data: null });
    const headers = { "retry-after": "1", "content-type": "application/json" };
    on.scene.http.plans.push({ fits: ACCEPT, answer: { status: 429, headers, body } });
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("enter_room", { call_id: call.call_id });
    const times = on.scene.http.seen.filter(({ what, body }) => ACCEPT(what, body) && body.includes(call.call_id)).map(({ at }) => at);
    assert.ok(times.length === 2 && times[1] - times[0] >= 1_000, `asked at ${times}`);
  },

  async "a 503 of the gateway's own is tried again"(on) {
    const call = await on.rung();
    const body = '{"message":"Service Unavailable"}';
    on.scene.http.plans.push({ fits: ACCEPT, answer: { status: 503, headers: { "content-type": "application/json" }, body } });
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("enter_room", { call_id: call.call_id });
  },

  async "it comes back after its connection broke, and rings for what it missed"(on) {
    on.scene.cut();
    await on.app.tells("offline");
    const call = await on.calls();
    await wait(1_000);
    on.scene.mend();
    await on.app.tells("ring", { call_id: call.call_id }, CONSISTENT_MS);
  },

  async "it comes back within three seconds of a network that was away for ten"(on) {
    on.scene.cut();
    await wait(10_000);
    const call = await on.calls();
    on.scene.mend();
    await on.app.tells("ring", { call_id: call.call_id }, CONSISTENT_MS);
  },

  async "it does not ring for a call that ended while it was away"(on) {
    on.scene.cut();
    await on.app.tells("offline");
    const call = await on.calls();
    await on.door.asCaller(call, "cancelled");
    on.scene.mend();
    await on.app.tells("online");
    await wait(1_000);
    on.app.hasNot("ring");
  },

  async "it falls silent for what happened while it was away"(on) {
    const call = await on.rung();
    on.scene.cut();
    await on.door.asCaller(call, "cancelled");
    await wait(500);
    on.scene.mend();
    await on.app.tells("stop_ringing", { call_id: call.call_id }, CONSISTENT_MS);
  },

  async "it leaves the room of a call that ended while it was away"(on) {
    const call = await on.rung();
    on.app.does("answer", { call_id: call.call_id });
    await on.app.tells("enter_room");
    on.scene.cut();
    await on.door.asCaller(call, "hangup");
    await wait(500);
    on.scene.mend();
    await on.app.tells("leave_room", { call_id: call.call_id }, CONSISTENT_MS);
  },

  async "it comes back after the broker was killed"(on) {
    await on.scene.crash();
    const call = await on.calls();
    await on.app.tells("ring", { call_id: call.call_id }, CONSISTENT_MS);
  },

  async "it subscribes again when its session is lost"(on) {
    await on.scene.crash({ sessions: false });
    await on.app.tells("online");
    const call = await on.calls();
    await on.app.tells("ring", { call_id: call.call_id }, CONSISTENT_MS);
  },

  async "it registers again when its password is refused"(on) {
    // Two registrations later, and after the last one was used, its own password is no longer let in.
    on.scene.mqtt.cut();
    on.scene.ws.cut();
    await on.app.tells("offline");
    await on.person.registers("tested");
    await on.person.registers("tested");
    on.scene.mend();
    await on.app.tells("online", {}, CONSISTENT_MS);
    const call = await on.calls();
    await on.app.tells("ring", { call_id: call.call_id });
  },

  async "who is logged out from another phone stays so"(on) {
    await laterThanTheLogin();
    await on.person.logsOut(on.clientId);
    await on.app.tells("logged_out");
    await on.calls();
    await wait(4_000);
    on.app.hasNot("online");
    on.app.hasNot("ring");
  },

  async "who is logged out while away learns it on coming back"(on) {
    await laterThanTheLogin();
    on.scene.cut();
    await on.app.tells("offline");
    await on.person.logsOut(on.clientId);
    on.scene.mend();
    await on.app.tells("logged_out");
  },

  async "whose name another connection takes stays away"(on) {
    await on.opens(on.person, "phone", "tested");
    await on.app.tells("taken_over");
    await wait(4_000);
    on.app.hasNot("online");
  },

  async "killed while it rings, it rings again when it is started"(on) {
    const call = await on.rung();
    // A call stands in the list of calls shortly after it was placed.
    await wait(1_500);
    await on.app.kill();
    on.app = await on.opens(on.person, "phone", "tested");
    await on.app.tells("ring", { call_id: call.call_id }, CONSISTENT_MS);
  },

  async "a door calls, and learns that somebody answered"(on) {
    const { door, callId } = await pressed(on);
    await on.app.tells("ring", { call_id: callId });
    on.app.does("answer", { call_id: callId });
    await door.hasTold("progress", { progress: "accepted" });
    // When it was placed, or when somebody answered: either is right.
    await door.hasTold("enter_room", { call_id: callId });
  },

  async "a door gives up"(on) {
    const { door, callId } = await pressed(on);
    await on.app.tells("ring", { call_id: callId });
    door.does("hang_up", { call_id: callId });
    await door.tells("call_over", { call_id: callId });
    await on.app.tells("stop_ringing", { call_id: callId }, 1_000);
  },

  async "a door hears that the person rejects"(on) {
    const { door, callId } = await pressed(on);
    await on.app.tells("ring", { call_id: callId });
    on.app.does("reject", { call_id: callId });
    await door.tells("call_over", { call_id: callId }, 1_000);
  },

  async "a press whose response is lost is one call"(on) {
    on.scene.http.plans.push({ fits: PLACE, lose: true });
    const { callId } = await pressed(on);
    await on.app.tells("ring", { call_id: callId });
    await wait(500);
    on.app.hasNot("ring");
    const { calls } = await on.person.asks("GET", "/api/calls");
    assert.equal(calls.length, 1);
  },

  async "a door is told that there is nobody"(on) {
    const door = await on.opens(on.door, "door", "panel");
    door.does("press", { callee: "nobody" });
    await door.tells("problem", { code: 40402 });
  },
};

/** Tokens say in which second they were issued: a logout in that second may be before it. */
const laterThanTheLogin = () => wait(1_100);

async function pressed(on) {
  const door = await on.opens(on.door, "door", "panel");
  door.does("press", { callee: on.person.id });
  const { call_id: callId } = await door.tells("progress", { progress: "placed" });
  return { door, callId };
}
