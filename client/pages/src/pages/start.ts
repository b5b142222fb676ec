// The start page: what this is, in half a minute.

import { h } from "../elements/dom.js";
import { type Icon, icon } from "../elements/icons.js";
import { Tokens } from "../elements/tokens.js";
import { isChinese, words } from "../elements/words.js";
import { frame, language } from "./frame.js";
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
  story_text: "Every call is a chain of commits that nobody can change unseen. The page checks the chain.",
  go: "Open",
  latest: "Today's calls",
  called: "{caller} called {callees}",
  none: "No calls yet. Press the bell.",
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
  story_text: "每个通话都是一条无法暗中改动的提交链，页面会校验这条链。",
  go: "打开",
  latest: "今天的通话",
  called: "{caller} 呼叫 {callees}",
  none: "还没有通话。去按门铃吧。",
};

const DOOR = "/door?device=front-door&callee=anna";
/** With this person's name behind it. */
const PHONE = "/phone?user=anna&name=";

interface FoundCall {
  call_id: string;
  caller_id?: string;
  callee_ids?: string[];
  timestamp: number;
  state: "ringing" | "active" | "rejected" | "cancelled" | "missed" | "ended" | "failed";
}

export function startPage(): void {
  const text = isChinese(language()) ? ZH : EN;
  const step = (figure: Icon, title: string, body: string, link: HTMLElement) =>
    h("li", { class: "step" }, h("span", { class: "figure" }, icon(figure)), h("h2", {}, title), h("p", {}, body), link);
  const opens = (title: string, href: string) => h("a", { class: "button main", href, target: "_blank", rel: "noopener", "aria-label": title }, text.go);
  const list = h("ul", { class: "list" });
  const none = h("p", {}, text.none);
  const lead = h("div", { class: "lead" }, h("h1", {}, ...text.title.map((part) => h("span", {}, part))), h("p", {}, text.lead));
  const steps = h("ol", { class: "steps" },
    step("phone", text.phone, text.phone_text, opens(text.phone, PHONE + encodeURIComponent(text.anna))),
    step("door", text.door, text.door_text, opens(text.door, DOOR)),
    step("shield", text.story, text.story_text, h("a", { class: "button", href: "#today" }, text.latest)));
  const latest = h("section", { class: "panel", id: "today" }, h("h2", {}, text.latest), none, list);
  frame("start", lead, steps, latest);
  const refresh = () => void showLatest(list, none);
  refresh();
  addEventListener("focus", refresh);
}

const tokens = new Tokens(tokenFor("auditor", "start-page"));

async function showLatest(list: HTMLElement, none: HTMLElement): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  const answer = await tokens.fetch(`/api/audit/calls?day=${day}&limit=50`);
  if (!answer.ok) return;
  const { calls } = ((await answer.json()) as { data: { calls: FoundCall[] } }).data;
  none.hidden = calls.length > 0;
  list.replaceChildren(...calls.slice(-8).reverse().map(row));
}

function row(call: FoundCall): HTMLElement {
  const state = words(language())[`state_${call.state}`];
  const time = new Intl.DateTimeFormat(language(), { timeStyle: "medium" }).format(call.timestamp);
  const chinese = isChinese(language());
  const callees = (call.callee_ids ?? []).join(chinese ? "、" : ", ");
  const name = call.caller_id === undefined ? call.call_id : (chinese ? ZH : EN).called.replace("{callees}", () => callees).replace("{caller}", () => call.caller_id ?? "");
  return h("li", {}, h("a", { href: `/story/${encodeURIComponent(call.call_id)}`, target: "_blank", rel: "noopener" }, h("strong", {}, name), h("small", {}, state), h("small", {}, time)));
}
