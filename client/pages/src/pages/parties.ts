// The pages of a door and of a phone.

import type { IlockElement } from "../elements/element.js";
import { isChinese } from "../elements/language.js";
import { faultOf, faultText } from "../elements/rules.js";
import { words } from "../elements/words.js";
import { config } from "./config.js";
import { frame, language, showWrong } from "./frame.js";
import { ofThisTab, tokenFor } from "./login.js";

function query(name: string, otherwise: string): string {
  return new URLSearchParams(location.search).get(name) ?? otherwise;
}

/** The operator's copy of trtc-sdk-v5, beside the pages' own files: trtc.js of that package, or all of it in one module. */
const TRTC = "/pages/trtc.esm.js";

/** What an element must be told of the room. */
async function room(): Promise<Record<string, string>> {
  const { room } = await config();
  return room === "trtc" ? { trtc: TRTC } : room === "none" ? { room } : {};
}

/** Whether somebody can have this id; says what is wrong with it. All other fields are the element's, which checks them. */
function isParty(field: "user" | "device", id: string): boolean {
  const fault = faultOf(field, id);
  if (fault !== undefined) showWrong(faultText(fault, words(language())));
  return fault === undefined;
}

function element(tag: "ilock-door" | "ilock-phone", attributes: Record<string, string>): IlockElement {
  const made = document.createElement(tag) as IlockElement;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** `/door?device=ID&callee=USER[&name=…][&location=…][&ring-seconds=…]` */
export async function doorPage(): Promise<void> {
  const chinese = isChinese(language());
  const device = query("device", "front-door");
  const token = tokenFor("device", device);
  const main = frame("door");
  if (!isParty("device", device)) return;
  const door = element("ilock-door", {
    callee: query("callee", "anna"),
    client: query("client", "panel"),
    name: query("name", chinese ? "前门" : "Front door"),
    location: query("location", chinese ? "小区大门" : "Main entrance"),
    "ring-seconds": query("ring-seconds", "30"),
    keep: `ilock.door.${device}`,
    ...(await room()),
  });
  door.token = token;
  document.title = `${door.getAttribute("name") || device} · iLock Call`;
  main.append(door);
}

/** `/phone?user=ID[&client=NAME][&name=…]`; without a client's name each tab is a phone of its own. */
export async function phonePage(): Promise<void> {
  const user = query("user", "anna");
  const token = tokenFor("user", user);
  const main = frame("phone");
  if (!isParty("user", user)) return;
  const client = query("client", `tab-${ofThisTab("ilock.tab")}`);
  const name = query("name", user);
  const phone = element("ilock-phone", { client, name, keep: `ilock.phone.${user}.${client}`, "story-href": "/story/", ...(await room()) });
  phone.token = token;
  let ringing: string | undefined;
  let unseen = 0;
  const title = () => {
    const own = `${unseen > 0 ? `(${unseen}) ` : ""}${name} · iLock Call`;
    document.title = ringing === undefined ? own : `🔔 ${ringing}`;
  };
  title();
  phone.addEventListener("ilock-ring", (event) => {
    ringing = (event as CustomEvent<{ call: { caller_name: string } }>).detail.call.caller_name;
    title();
  });
  for (const name of ["ilock-call", "ilock-over"]) {
    phone.addEventListener(name, () => {
      ringing = undefined;
      title();
    });
  }
  phone.addEventListener("ilock-unseen", (event) => {
    unseen = (event as CustomEvent<{ count: number }>).detail.count;
    title();
  });
  main.append(phone);
}
