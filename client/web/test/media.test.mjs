// TRTC's rooms, against a double of the SDK's documented interface: https://web.sdk.qcloud.com/trtc/webrtc/v5/doc/en/TRTC.html

import assert from "node:assert/strict";
import { test } from "node:test";

import { followRooms, MediaError, TrtcRoom, trtcFrom } from "../dist/index.js";

const ROOM = { room_id: 664321, sdk_app_id: 1400000001, user_id: "user456_0", user_sig: "sig", private_map_key: "key" };
const NEXT_ROOM = { ...ROOM, room_id: 664322 };
const remote = { id: "remote" };
const local = { id: "local" };

/** An SDK that writes down what it is told. `fails` names the methods that reject; `gates` those that wait. */
function sdk({ fails = {}, gates = {} } = {}) {
  const calls = [];
  const made = [];
  class Trtc {
    listeners = new Map();
    inside = false;
    constructor() {
      made.push(this);
    }
    on(event, listener) {
      this.listeners.set(event, listener);
      return this;
    }
    emit(event, value) {
      this.listeners.get(event)(value);
    }
    destroy() {
      // The SDK refuses this within a room.
      assert.ok(!this.inside, "destroy is called after exitRoom");
      calls.push(["destroy"]);
    }
  }
  for (const name of ["enterRoom", "exitRoom", "startLocalAudio", "updateLocalAudio", "stopLocalAudio", "startLocalVideo",
    "updateLocalVideo", "stopLocalVideo", "startRemoteVideo"]) {
    Trtc.prototype[name] = async function (options) {
      calls.push(options === undefined ? [name] : [name, options]);
      await gates[name];
      if (name === "exitRoom") this.inside = false;
      if (fails[name]) throw fails[name];
      if (name === "enterRoom") {
        assert.ok(!this.inside, "it is in one room at a time");
        this.inside = true;
      }
    };
  }
  const EVENT = {
    REMOTE_VIDEO_AVAILABLE: "remote-video-available",
    REMOTE_USER_ENTER: "remote-user-enter",
    REMOTE_USER_EXIT: "remote-user-exit",
    KICKED_OUT: "kicked-out",
  };
  let loads = 0;
  const load = async () => {
    loads += 1;
    if (fails.load) throw fails.load;
    return { create: () => new Trtc(), EVENT };
  };
  return { calls, made, load, names: () => calls.map(([name]) => name), loads: () => loads };
}

test("joining enters with all five values, sends camera and microphone, and leaving lets go of them", async () => {
  const { calls, load, loads, names } = sdk();
  const room = new TrtcRoom({ load, remote, local });
  assert.equal(loads(), 0, "the SDK is loaded when it is needed");
  await room.join(ROOM);
  assert.deepEqual(calls[0], [
    "enterRoom",
    { scene: "rtc", sdkAppId: 1400000001, userId: "user456_0", userSig: "sig", roomId: 664321, privateMapKey: "key" },
  ]);
  const video = { width: 640, height: 360, frameRate: 15, bitrate: 600 };
  assert.deepEqual(calls[1], ["startLocalVideo", { view: local, mute: false, option: { profile: video } }]);
  assert.deepEqual(calls[2], ["startLocalAudio", { mute: false }]);
  await room.leave();
  assert.deepEqual(names().slice(3), ["stopLocalVideo", "stopLocalAudio", "exitRoom", "destroy"]);
  await room.leave();
  assert.equal(calls.length, 7, "without a room nothing happens");
});

test("a preview opens no camera and no microphone, and joining leaves it first", async () => {
  const { made, load, loads, names } = sdk();
  const room = new TrtcRoom({ load, remote, local });
  await room.preview({ ...ROOM, private_map_key: "receive-only" });
  assert.deepEqual(names(), ["enterRoom"]);
  made[0].emit("remote-video-available", { userId: "device123", streamType: "main" });
  assert.deepEqual(names(), ["enterRoom", "startRemoteVideo"]);
  await room.join(ROOM);
  assert.deepEqual(names().slice(2), ["exitRoom", "destroy", "enterRoom", "startLocalVideo", "startLocalAudio"]);
  assert.equal(loads(), 1);
});

test("the other side's picture is shown, and who comes and goes is told", async () => {
  const { calls, made, load } = sdk();
  const seen = [];
  const room = new TrtcRoom({ load, remote, onOther: (id, present) => seen.push([id, present]) });
  await room.join(ROOM);
  made[0].emit("remote-user-enter", { userId: "device123_d0" });
  made[0].emit("remote-video-available", { userId: "device123_d0", streamType: "main" });
  made[0].emit("remote-user-exit", { userId: "device123_d0", reason: 0 });
  assert.deepEqual(calls.at(-1), ["startRemoteVideo", { userId: "device123_d0", streamType: "main", view: remote }]);
  assert.deepEqual(seen, [["device123_d0", true], ["device123_d0", false]]);
});

test("that nobody is left in the room is told, until somebody is there again or this side leaves", async () => {
  const { made, load } = sdk();
  const told = [];
  const room = new TrtcRoom({ load, remote, onApart: (apart) => told.push(apart) });
  await room.join(ROOM);
  const [enters, exits] = ["remote-user-enter", "remote-user-exit"].map((event) => (userId) => made.at(-1).emit(event, { userId }));
  enters("door");
  enters("looker");
  exits("looker");
  assert.deepEqual(told, []);
  exits("door");
  enters("door");
  assert.deepEqual(told, [true, false]);
  exits("door");
  made[0].emit("remote-video-available", { userId: "door", streamType: "main" });
  assert.deepEqual(told.splice(0), [true, false, true, false]);
  exits("door");
  await room.leave();
  assert.deepEqual(told, [true, false]);
});

test("muting holds for the call, also before it is joined, and not for the next one", async () => {
  const { calls, load } = sdk();
  const room = new TrtcRoom({ load, remote });
  await room.mute({ microphone: true });
  await room.join(ROOM);
  const started = (name) => calls.filter(([called]) => called === name).at(-1)[1].mute;
  assert.deepEqual([started("startLocalAudio"), started("startLocalVideo")], [true, false]);
  await room.mute({ microphone: false });
  await room.mute({ camera: true });
  assert.deepEqual([started("updateLocalAudio"), started("updateLocalVideo")], [false, true]);
  await room.leave();
  await room.join(NEXT_ROOM);
  assert.equal(started("startLocalVideo"), false);
});

test("a camera that may not be used does not end the call", async () => {
  const denied = Object.assign(new Error("NotAllowedError"), { code: 5300, extraCode: 5302 });
  const { load, names } = sdk({ fails: { startLocalVideo: denied } });
  const problems = [];
  const room = new TrtcRoom({ load, remote, onProblem: (problem) => problems.push(problem) });
  await room.join(ROOM);
  assert.deepEqual(problems.map(({ what, cause }) => [what, cause.extraCode]), [["camera", 5302]]);
  await room.mute({ camera: true, microphone: true });
  await room.leave();
  assert.deepEqual(names(), ["enterRoom", "startLocalVideo", "startLocalAudio", "updateLocalAudio", "stopLocalAudio", "exitRoom", "destroy"]);
});

test("a room that cannot be entered is an error, and the next one can be", async () => {
  const fails = { enterRoom: new Error("privateMapKey") };
  const { load, names } = sdk({ fails });
  const room = new TrtcRoom({ load, remote });
  await assert.rejects(room.join(ROOM), (error) => error instanceof MediaError && error.what === "enter");
  delete fails.enterRoom;
  await room.join(NEXT_ROOM);
  assert.deepEqual(names().slice(0, 3), ["enterRoom", "destroy", "enterRoom"]);
});

test("an SDK that could not be loaded is loaded again at the next call", async () => {
  const fails = { load: new Error("404") };
  const { load, loads } = sdk({ fails });
  const room = new TrtcRoom({ load, remote });
  await assert.rejects(room.preview(ROOM), { what: "sdk" });
  delete fails.load;
  await room.preview(ROOM);
  assert.equal(loads(), 2);
});

/** Something that a test opens. */
function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

const soon = () => new Promise(setImmediate);

test("leaving while it is still entering leaves, and once more where the SDK enters after all", async () => {
  const { opened, open } = gate();
  const { load, made, names } = sdk({ gates: { enterRoom: opened } });
  const room = new TrtcRoom({ load, remote });
  const joined = room.join(ROOM);
  await soon();
  await room.leave();
  assert.deepEqual(names(), ["enterRoom", "exitRoom"]);
  open();
  await assert.rejects(joined, { what: "enter" });
  assert.deepEqual([names().slice(2), made[0].inside], [["exitRoom", "destroy"], false]);
});

test("while the person is asked for the camera, mute and hang up act at once, and the next call is in its own room", async () => {
  const { opened, open } = gate();
  const { calls, load, made, names } = sdk({ gates: { startLocalVideo: opened } });
  const room = new TrtcRoom({ load, remote, local });
  const joined = room.join(ROOM);
  await soon();
  assert.deepEqual(names(), ["enterRoom", "startLocalVideo", "startLocalAudio"]);
  await room.mute({ microphone: true });
  assert.deepEqual(calls.at(-1), ["updateLocalAudio", { mute: true }]);
  void room.leave();
  assert.deepEqual(names().slice(4), ["stopLocalVideo", "stopLocalAudio", "exitRoom"], "in the same turn");
  await soon();
  assert.equal(names().at(-1), "destroy");

  const next = room.join(NEXT_ROOM);
  await soon();
  assert.deepEqual(calls.slice(8).map(([name, { roomId, mute }]) => [name, roomId ?? mute]), [
    ["enterRoom", NEXT_ROOM.room_id], ["startLocalVideo", false], ["startLocalAudio", false],
  ]);
  open();
  await assert.rejects(joined, { what: "enter" });
  await next;
  assert.equal(names().filter((name) => name === "stopLocalVideo").length, 2, "a camera that is given after the end is stopped");
  assert.deepEqual(made.map(({ inside }) => inside), [false, true]);
});

test("what is muted while the person is asked for it, is muted when it is there", async () => {
  const { opened, open } = gate();
  const { calls, load } = sdk({ gates: { startLocalVideo: opened } });
  const room = new TrtcRoom({ load, remote });
  const joined = room.join(ROOM);
  await soon();
  await room.mute({ camera: true });
  open();
  await joined;
  assert.deepEqual(calls.at(-1), ["updateLocalVideo", { mute: true }]);
});

test("a room that cannot be entered or left for good keeps nobody out of the next one", async (t) => {
  for (const hanging of ["enterRoom", "exitRoom"]) {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const gates = { [hanging]: new Promise(() => undefined) };
    const { load, made } = sdk({ gates });
    const room = new TrtcRoom({ load, remote });
    room.join(ROOM).catch(() => undefined);
    await soon();
    void room.leave();
    delete gates[hanging];
    const next = room.join(NEXT_ROOM);
    await soon();
    t.mock.timers.tick(2000);
    await next;
    assert.equal(made.at(-1).inside, true, hanging);
    t.mock.timers.reset();
  }
});

test("whoever is put out of the room is told why, unless the room is dismissed", async () => {
  const { made, load } = sdk();
  const problems = [];
  await new TrtcRoom({ load, remote, onProblem: ({ what, reason }) => problems.push([what, reason]) }).join(ROOM);
  for (const reason of ["kick", "banned", "room-disband"]) made[0].emit("kicked-out", { reason });
  assert.deepEqual(problems, [["kicked_out", "kick"], ["kicked_out", "banned"]]);
});

test("a room that was left reports nothing any more", async () => {
  let shown;
  const gates = { startRemoteVideo: new Promise((resolve) => (shown = resolve)) };
  const { made, load, names } = sdk({ fails: { startRemoteVideo: new Error("gone") }, gates });
  const reported = [];
  const room = new TrtcRoom({ load, remote, onProblem: ({ what }) => reported.push(what), onOther: (id) => reported.push(id) });
  await room.join(ROOM);
  made[0].emit("remote-video-available", { userId: "device123_d0", streamType: "main" });
  await room.leave();
  shown();
  await new Promise(setImmediate);
  const asked = names().length;
  made[0].emit("kicked-out", { reason: "kick" });
  made[0].emit("remote-user-exit", { userId: "device123_d0" });
  made[0].emit("remote-video-available", { userId: "device123_d0", streamType: "main" });
  assert.deepEqual([reported, names().length], [[], asked]);
  // The next room does.
  await room.join(NEXT_ROOM);
  made[1].emit("kicked-out", { reason: "banned" });
  assert.deepEqual(reported, ["kicked_out"]);
});

test("the SDK comes from the operator's own file, as a module or as a script", async () => {
  const file = (code) => `data:text/javascript,${encodeURIComponent(code)}`;
  assert.equal((await trtcFrom(file("export default { module: 1 }"))()).module, 1);
  await assert.rejects(trtcFrom(file("1"))(), /not trtc-sdk-v5/);
  assert.equal((await trtcFrom(file("globalThis.TRTC = { script: 1 }"))()).script, 1);
});

/** A client that emits what a test says, and a room that writes down what it is asked. */
function followed({ refuses = false, looks } = {}) {
  const [listeners, asked, failures] = [new Map(), [], []];
  let refuse;
  const client = { on: (type, listener) => void listeners.set(type, listener) };
  const media = {
    join: async ({ room_id }) => {
      asked.push(["join", room_id]);
      if (refuses) throw new MediaError("enter", "no");
    },
    preview: ({ room_id }) => {
      asked.push(["preview", room_id]);
      return looks === "later" ? new Promise((_, no) => (refuse = () => no(new MediaError("enter", "no")))) : Promise.resolve();
    },
    leave: async () => void asked.push(["leave"]),
    mute: async (tracks) => void asked.push(["mute", tracks]),
  };
  const stopLooking = followRooms(client, media, (callId, { what }) => failures.push([callId, what]));
  return { asked, failures, stopLooking, refuse: () => refuse(), emit: (type, event) => listeners.get(type)({ type, ...event }) };
}

test("rooms are entered and left as the client says", () => {
  const { asked, emit } = followed();
  emit("preview", { call_id: "a", room: ROOM });
  emit("enter_room", { call_id: "a", room: ROOM });
  emit("preview", { call_id: "b", room: NEXT_ROOM });
  emit("leave_room", { call_id: "b" });
  assert.deepEqual(asked, [["preview", 664321], ["join", 664321]], "another call does not interrupt this one");
  emit("enter_room", { call_id: "b", room: NEXT_ROOM });
  emit("leave_room", { call_id: "a" });
  emit("leave_room", { call_id: "b" });
  const unmuted = ["mute", { camera: false, microphone: false }];
  assert.deepEqual(asked.slice(2), [["join", 664322], unmuted, ["leave"]], "what was muted in the first call is not in the second");
});

test("a look is left when the call stops ringing, whoever answered it elsewhere, and when nobody did", () => {
  for (const why of ["answered_elsewhere", "missed", "cancelled", "declined_here", "taken_over"]) {
    const { asked, emit } = followed();
    emit("preview", { call_id: "a", room: ROOM });
    emit("stop_ringing", { call_id: "b", why });
    assert.deepEqual(asked, [["preview", 664321]], "it is another call");
    emit("stop_ringing", { call_id: "a", why });
    emit("call_over", { call_id: "a", why });
    assert.deepEqual(asked.slice(1), [["leave"]], why);
  }
});

test("a look goes on from the answer here to the call's own room, and ends where the answer fails", () => {
  const { asked, emit } = followed();
  emit("preview", { call_id: "a", room: ROOM });
  emit("stop_ringing", { call_id: "a", why: "answered_here" });
  assert.deepEqual(asked, [["preview", 664321]]);
  emit("call_over", { call_id: "a", why: "failed" });
  assert.deepEqual(asked.slice(1), [["leave"]]);
  // The end of a call that was only looked at is not that of a conversation.
  emit("preview", { call_id: "b", room: ROOM });
  emit("enter_room", { call_id: "c", room: NEXT_ROOM });
  emit("stop_ringing", { call_id: "b", why: "missed" });
  emit("call_over", { call_id: "b", why: "missed" });
  assert.deepEqual(asked.slice(2), [["preview", 664321], ["join", 664322]]);
});

test("a look can be ended before the call stops ringing, and a conversation goes on", async () => {
  const { asked, emit, failures, refuse, stopLooking } = followed({ looks: "later" });
  stopLooking();
  emit("preview", { call_id: "a", room: ROOM });
  stopLooking();
  refuse();
  await soon();
  emit("stop_ringing", { call_id: "a", why: "missed" });
  emit("enter_room", { call_id: "b", room: NEXT_ROOM });
  stopLooking();
  assert.deepEqual([asked, failures], [[["preview", 664321], ["leave"], ["join", 664322]], []]);
});

test("a look that fails when the call is over is not told", async () => {
  const { emit, failures, refuse } = followed({ looks: "later" });
  emit("preview", { call_id: "a", room: ROOM });
  emit("stop_ringing", { call_id: "a", why: "cancelled" });
  refuse();
  await soon();
  assert.deepEqual(failures, []);
  emit("preview", { call_id: "b", room: ROOM });
  refuse();
  await soon();
  assert.deepEqual(failures, [["b", "enter"]], "one that rings still is told");
});

test("a look that fails after the answer is not told: the room is entered anew", async () => {
  const { emit, failures, refuse } = followed({ looks: "later" });
  emit("preview", { call_id: "a", room: ROOM });
  emit("enter_room", { call_id: "a", room: ROOM });
  refuse();
  await soon();
  assert.deepEqual(failures, []);
});

test("a room that could not be entered is told, and nothing is left", async () => {
  const { asked, failures, emit } = followed({ refuses: true });
  emit("enter_room", { call_id: "a", room: ROOM });
  await new Promise(setImmediate);
  emit("leave_room", { call_id: "a" });
  assert.deepEqual([asked, failures], [[["join", 664321]], [["a", "enter"]]]);
});
