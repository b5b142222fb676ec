// What goes into a client and what comes out of it, as the core has it in input.rs and output.rs.

/** Phone or door station. */
export type Role = "phone" | "door";

/** What the client says of itself when it registers. */
export interface Config {
  role: Role;
  /** The name of this installation: 1 to 52 of `A-Z a-z 0-9 _ -`. Choose it once and keep it. */
  client_id: string;
  platform?: string;
  app_version?: string;
  language?: string;
}

export interface PushTokens {
  push_token?: string;
  voip_token?: string;
  environment?: "production" | "sandbox";
}

/** Something that happened. */
export type Input =
  | { type: "start" | "logged_in" | "token_renewed" | "token_failed" | "token_unavailable" | "login_failed" | "log_out" | "woken" | "tick" }
  | { type: "http_answer"; id: number; status: number; retry_after?: string; date?: string; body: string }
  | { type: "http_failed"; id: number }
  | { type: "connected"; connection: number; session_present: boolean }
  | { type: "subscribed"; connection: number; granted: boolean }
  | { type: "refused"; connection: number; reason: "not_authorized" | "other" }
  | { type: "disconnected"; connection: number; reason: "taken_over" | "network" }
  | { type: "message"; topic: string; payload: string }
  | { type: "push"; data: string; must_show?: boolean }
  | { type: "push_tokens"; tokens: PushTokens }
  | { type: "network"; online: boolean }
  | { type: "status"; status: "active" | "background" | "offline"; priority: number }
  | { type: "calls_seen"; until: number }
  | { type: "press"; callees: string[]; caller_info?: string; ring_seconds?: number; invitation_data?: string }
  | { type: "answer" | "decline" | "preview"; call_id: string }
  | { type: "reject" | "hang_up"; call_id: string; reason?: string };

/** How to enter the call's TRTC room. */
export interface Room {
  /** TRTC's `roomId`, not its `strRoomId`. */
  room_id: number;
  sdk_app_id: number;
  user_id: string;
  user_sig: string;
  /** TRTC's `privateMapKey`. Always pass it on. */
  private_map_key?: string;
}

/** A call, as it is shown to the person. */
export interface CallInfo {
  call_id: string;
  caller_id: string;
  /** What to show: the caller's name, else the caller's id. */
  caller_name: string;
  location?: string;
  /** All that the caller said of itself: a JSON object as text. */
  caller_info: string;
  /** What the caller's app sent along: a JSON object as text. */
  invitation_data?: string;
  /** The way in that all of the person's phones were sent. Prefer `preview`, which brings this one's own. */
  room?: Room;
  /** Whether the person is in another call. */
  waiting: boolean;
  /** Whether another phone of the person is to sound first: be silent or soft for some seconds, then ring like that one. */
  secondary: boolean;
}

/** Why a call is over here, or why it stopped ringing. */
export type Ending =
  | "answered_here"
  | "answered_elsewhere"
  | "rejected_here"
  | "rejected"
  | "declined_here"
  | "cancelled"
  | "missed"
  | "ended"
  | "failed"
  | "gone"
  | "logged_out"
  | "taken_over";

export type Progress = "placing" | "placed" | "ringing" | "alerted" | "unreachable" | "accepted";

/** Something that the person or the app's maker has to know. */
export interface Problem {
  /** What kind of problem it is, to find words in the person's language by. A number below 10000 is the client's own, any
   * other is the backend's. docs/apps.md lists all of them under "Problems"; they never change. */
  code: number;
  /** In English, with the backend's words where it has some. */
  message: string;
  /** In English. */
  hint: string;
  retry_after_ms?: number;
  call_id?: string;
}

/** Something for the app to do or to show. */
export type Event =
  | { type: "online"; client_id: string }
  | { type: "offline" | "taken_over" }
  | { type: "ring"; call: CallInfo }
  | { type: "stop_ringing"; call_id: string; why: Ending }
  /** `answered_ms_ago` says how long ago the call was answered, by the backend's clock. None before the answer, and where the
   * backend's time is not known. */
  | { type: "enter_room"; call_id: string; room: Room; answered_ms_ago?: number }
  | { type: "can_preview" | "preview"; call_id: string; room: Room }
  | { type: "leave_room"; call_id: string }
  /** `answered_ms_ago` as `enter_room` has it, with `accepted`. */
  | { type: "progress"; press: string; call_id?: string; progress: Progress; answered_ms_ago?: number }
  | { type: "call_over"; call_id: string; why: Ending; by?: string; reason?: string }
  | { type: "missed_call"; call_id: string; caller_id: string; caller_name: string; timestamp: number }
  | { type: "calls_seen"; until: number }
  | { type: "client_added"; client_id: string }
  | { type: "logged_out"; why: "by_user" | "removed" | "token_refused" }
  /** No call rings here until `start`, a login, or another push token. `problem` has come before with the same. */
  | { type: "registration_refused"; problem: Problem }
  | { type: "problem"; problem: Problem };

/** Something for the driver to do. */
export type Command =
  | {
      type: "request";
      id: number;
      method: "GET" | "POST" | "PUT" | "DELETE";
      path: string;
      body?: string;
      idempotency_key?: string;
      timeout_ms: number;
    }
  | {
      type: "connect";
      connection: number;
      broker_url: string;
      websocket_url: string;
      client_id: string;
      username: string;
      password: string;
    }
  | { type: "subscribe"; connection: number; topics: string[] }
  | { type: "disconnect" | "need_token" };

export type Output = Command | Event;
