// The start page: what this is, in half a minute. Where nobody logs in by itself, it asks whose page to open.

import { h, say } from "../elements/dom.js";
import { foreign } from "../elements/foreign.js";
import { type Icon, icon } from "../elements/icons.js";
import { Tokens } from "../elements/tokens.js";
import { isChinese } from "../elements/language.js";
import { words } from "../elements/words.js";
import { config } from "./config.js";
import { frame, language, linkTo } from "./frame.js";
import { LatestCalls, type FoundCall } from "./latest.js";
import { tokenFor } from "./login.js";

const EN = {
  title: ["Press a bell here. ", "A phone rings there."],
  lead: "Open a phone and a door side by side, each in its own tab. All of a person's phones ring; one answers; the others stop.",
  anna: "Anna",
  phone: "Open Anna's phone",
  phone_text: "Leave it open. Open it twice, and Anna has two phones.",
  door: "Open the front door",
  door_text: "Press the bell. It may use your camera and microphone, so that Anna sees who is there.",
  story: "Read what happened",
  story_text: "Every call is a chain of commits. The page computes its hashes again, and has the proof with which “ilock verify” checks the rest.",
  go: "Open",
  latest: "Today's calls",
  called: "{caller} called {callees}",
  none: "No calls yet. Press the bell.",
  unreachable: "The server cannot be reached. The list is read again when you come back to this page.",
  busy: "The list cannot be read now ({status}). It is read again when you come back to this page.",
  a_phone: "Open a phone",
  a_phone_text: "It rings when somebody calls the person. The page asks for an access token of your login service.",
  a_door: "Open a door",
  a_door_text: "Press the bell. It may use your camera and microphone, so that the person sees who is there.",
  a_story: "Open a call's story",
  a_story_text: "Every call is a chain of commits. The page computes its hashes again, and has the proof for “ilock verify”. It needs a token with the role auditor.",
  user: "Person",
  device: "Door station",
  callee: "Who is called",
  call: "Call",
};

const ZH: typeof EN = {
  title: ["这里按门铃，", "那里手机响。"],
  lead: "在两个标签页里分别打开手机和门口机。住户的所有手机都会响；一部接听，其余停止。",
  anna: "安娜",
  phone: "打开安娜的手机",
  phone_text: "让它一直开着。打开两次，安娜就有两部手机。",
  door: "打开前门",
  door_text: "按下门铃。它可能会使用摄像头和麦克风，让安娜看到来访者。",
  story: "查看通话经过",
  story_text: "每个通话都是一条提交链。页面会重新计算其中的哈希，并提供证明，供 “ilock verify” 核对其余部分。",
  go: "打开",
  latest: "今天的通话",
  called: "{caller} 呼叫 {callees}",
  none: "还没有通话。去按门铃吧。",
  unreachable: "无法连接服务器。回到本页时会重新读取列表。",
  busy: "现在无法读取列表（{status}）。回到本页时会重新读取。",
  a_phone: "打开一部手机",
  a_phone_text: "有人呼叫此人时它会响铃。页面会向您要登录服务签发的访问令牌。",
  a_door: "打开一台门口机",
  a_door_text: "按下门铃。它可能会使用摄像头和麦克风，让对方看到来访者。",
  a_story: "打开通话经过",
  a_story_text: "每个通话都是一条提交链。页面会重新计算其中的哈希，并提供证明，供 “ilock verify” 使用。它需要角色为 auditor 的令牌。",
  user: "住户",
  device: "门口机",
  callee: "呼叫谁",
  call: "通话",
};

const DOOR = "/door?device=front-door&callee=anna";
/** With this person's name behind it. */
const PHONE = "/phone?user=anna&name=";

export async function startPage(): Promise<void> {
  const text = isChinese(language()) ? ZH : EN;
  const lead = h("div", { class: "lead" }, h("h1", {}, ...text.title.map((part) => h("span", {}, part))), h("p", {}, text.lead));
  // Something is painted before the server has answered.
  const main = frame("start", lead);
  if ((await config()).login === "demo") demo(text, main);
  else whose(text, main);
}

function step(figure: Icon, title: string, body: string, way: HTMLElement): HTMLElement {
  return h("li", { class: "step" }, h("span", { class: "figure" }, icon(figure)), h("h2", {}, title), h("p", {}, body), way);
}

/** A form for each page. */
function whose(text: typeof EN, main: HTMLElement): void {
  const form = (title: string, fields: Partial<Record<"user" | "device" | "callee" | "call", string>>, address: (given: URLSearchParams) => string) => {
    const inputs = Object.entries(fields).map(([name, label]) => h("label", {}, label, h("input", { name, required: true, autocomplete: "off", spellcheck: "false" })));
    const button = h("button", { class: "button main", type: "submit", "aria-label": title }, text.go);
    const made: HTMLFormElement = h("form", { class: "whose", submit: (event) => {
      event.preventDefault();
      const given = [...new FormData(made)].map(([name, value]) => [name, String(value).trim()]);
      open(linkTo(address(new URLSearchParams(given))), "_blank", "noopener");
    } }, ...inputs, button);
    return made;
  };
  main.append(h("ol", { class: "steps" },
    step("phone", text.a_phone, text.a_phone_text, form(text.a_phone, { user: text.user }, (given) => `/phone?${given}`)),
    step("door", text.a_door, text.a_door_text, form(text.a_door, { device: text.device, callee: text.callee }, (given) => `/door?${given}`)),
    step("shield", text.a_story, text.a_story_text, form(text.a_story, { call: text.call }, (given) => `/story/${encodeURIComponent(given.get("call") ?? "")}`))));
}

function demo(text: typeof EN, main: HTMLElement): void {
  const opens = (title: string, href: string) => h("a", { class: "button main", href: linkTo(href), target: "_blank", rel: "noopener", "aria-label": title }, text.go);
  const list = h("ul", { class: "list" });
  const note = h("p", { role: "status", "data-testid": "latest-note" }, text.none);
  const steps = h("ol", { class: "steps" },
    step("phone", text.phone, text.phone_text, opens(text.phone, PHONE + encodeURIComponent(text.anna))),
    step("door", text.door, text.door_text, opens(text.door, DOOR)),
    step("shield", text.story, text.story_text, h("a", { class: "button", href: "#today" }, text.latest)));
  const latest = h("section", { class: "panel", id: "today" }, h("h2", {}, text.latest), note, list);
  main.append(steps, latest);
  const calls = new LatestCalls(new Tokens(tokenFor("auditor", "start-page")));
  const refresh = () => void showLatest(calls, text, list, note);
  refresh();
  addEventListener("focus", refresh);
  addEventListener("online", refresh);
}

async function showLatest(latest: LatestCalls, text: typeof EN, list: HTMLElement, note: HTMLElement): Promise<void> {
  const calls = await latest.read();
  if (calls === "overtaken") return;
  const said = calls === undefined ? text.unreachable : typeof calls === "number" ? text.busy.replace("{status}", String(calls)) : calls.length === 0 ? text.none : "";
  say(note, said);
  note.hidden = said === "";
  if (typeof calls === "object") list.replaceChildren(...calls.map(row));
}

function row(call: FoundCall): HTMLElement {
  // A call whose record does not add up, or that was moved into the archive, has none.
  const state = call.state === undefined ? "" : words(language())[`state_${call.state}`];
  const time = new Intl.DateTimeFormat(language(), { timeStyle: "medium" }).format(call.timestamp);
  const chinese = isChinese(language());
  const callees = (call.callee_ids ?? []).map(foreign).join(chinese ? "、" : ", ");
  const caller = foreign(call.caller_id ?? "");
  const name = caller === "" ? call.call_id : (chinese ? ZH : EN).called.replace("{callees}", () => callees).replace("{caller}", () => caller);
  return h("li", {}, h("a", { href: linkTo(`/story/${encodeURIComponent(call.call_id)}`), target: "_blank", rel: "noopener" }, h("strong", {}, name), h("small", {}, state), h("small", {}, time)));
}
