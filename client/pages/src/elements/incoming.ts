// A call that rings: who it is, and what one can do.

import type { CallInfo } from "@ilock/client";

import { h } from "./dom.js";
import { type Icon, icon } from "./icons.js";
import type { Words } from "./words.js";

interface Choices {
  accept: () => void;
  decline: () => void;
  reject: () => void;
}

export class IncomingCard {
  readonly element: HTMLElement;
  private readonly kind = h("p", { class: "kind" });
  private readonly accept: HTMLButtonElement;

  constructor(
    call: CallInfo,
    private readonly words: Words,
    choices: Choices,
  ) {
    const name = h("p", { class: "caller-name", part: "caller-name", id: `caller-${call.call_id}`, "data-testid": "caller-name" }, call.caller_name);
    const place = h("p", { class: "caller-place", part: "caller-place" }, call.location ?? words.wants_in);
    this.accept = choice("accept", "green", "phone", words.accept, choices.accept);
    const actions = h("div", { class: "actions", part: "actions" },
      choice("reject", "red", "hangup", words.reject, choices.reject),
      choice("decline", "quiet", "silent", words.decline, choices.decline),
      this.accept,
    );
    this.element = h("section", { class: "incoming", part: "incoming", role: "alert", "aria-labelledby": name.id, "data-testid": "incoming", "data-call": call.call_id },
      h("div", { class: "caller" }, this.kind, name, place), actions);
  }

  /** `second` where another call is under way, or rings before this one. */
  render(second: boolean): void {
    this.element.classList.toggle("second", second);
    this.kind.textContent = second ? this.words.waiting : this.words.preview;
    const label = this.accept.querySelector("span");
    if (label !== null) label.textContent = second ? this.words.accept_waiting : this.words.accept;
  }
}

function choice(testid: string, colour: string, name: Icon, text: string, click: () => void): HTMLButtonElement {
  return h("button", { class: `choice ${colour}`, type: "button", part: testid, "data-testid": testid, click }, h("i", { class: "round" }, icon(name)), h("span", {}, text));
}
