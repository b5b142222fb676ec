// The buttons of a call: microphone, camera, hang up.

import type { Tracks } from "@ilock/client";

import { h, show } from "./dom.js";
import { type Icon, icon } from "./icons.js";
import type { Word, Words } from "./words.js";

interface ControlsOptions {
  words: () => Words;
  /** What is switched off. */
  off: () => Tracks;
  mute: (tracks: Partial<Tracks>) => void;
  hangUp: () => void;
}

export interface ControlsState {
  visible: boolean;
  talking: boolean;
  hangUp: string;
  /** What the browser does not give: there is nothing to switch off. */
  missing: Tracks;
}

export interface Controls {
  element: HTMLElement;
  hangUp: HTMLElement;
  render: (state: ControlsState) => void;
}

export function callControls({ words, off, mute, hangUp }: ControlsOptions): Controls {
  const toggle = (kind: keyof Tracks, name: Icon, word: Word) => {
    const button = h("button", { class: "round quiet", type: "button", part: `mute-${kind}`, "data-testid": `mute-${kind}`, click: () => mute({ [kind]: !off()[kind] }) }, icon(name));
    const label = (missing: boolean) => {
      const state: Word = missing ? "not_available" : off()[kind] ? "off" : "on";
      const text = `${words()[word]}${words().colon}${words()[state]}`;
      button.disabled = missing;
      button.setAttribute("aria-pressed", String(!missing && !off()[kind]));
      button.setAttribute("aria-label", text);
      button.title = missing ? text : words()[word];
    };
    return { kind, button, label };
  };
  const microphone = toggle("microphone", "mic", "mute");
  const camera = toggle("camera", "camera", "camera");
  const end = h("button", { class: "round red", type: "button", part: "hangup", "data-testid": "hangup", click: hangUp }, icon("hangup"));
  const element = h("div", { class: "controls", part: "controls", hidden: true }, microphone.button, camera.button, end);
  return {
    element,
    hangUp: end,
    render(state) {
      show(element, state.visible);
      end.setAttribute("aria-label", state.hangUp);
      end.title = state.hangUp;
      for (const { kind, button, label } of [microphone, camera]) {
        show(button, state.talking);
        label(state.missing[kind]);
      }
    },
  };
}
