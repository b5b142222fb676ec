// The buttons of a call: microphone, camera, hang up.

import type { Tracks } from "@ilock/client";

import { h, show } from "./dom.js";
import { type Icon, icon } from "./icons.js";
import type { Word, Words } from "./words.js";

interface ControlsOptions {
  words: () => Words;
  mute: (tracks: Partial<Tracks>) => void;
  hangUp: () => void;
}

export interface ControlsState {
  visible: boolean;
  talking: boolean;
  hangUp: string;
}

export interface Controls {
  element: HTMLElement;
  render: (state: ControlsState) => void;
}

export function callControls({ words, mute, hangUp }: ControlsOptions): Controls {
  const off: Tracks = { camera: false, microphone: false };
  const toggle = (kind: keyof Tracks, name: Icon, word: Word) => {
    const button = h("button", { class: "round quiet", type: "button", part: `mute-${kind}`, click: () => {
      off[kind] = !off[kind];
      mute({ [kind]: off[kind] });
      label();
    } }, icon(name));
    const label = () => {
      button.setAttribute("aria-pressed", String(!off[kind]));
      button.setAttribute("aria-label", `${words()[word]}: ${off[kind] ? words().off : words().on}`);
      button.title = words()[word];
    };
    return { button, label };
  };
  const microphone = toggle("microphone", "mic", "mute");
  const camera = toggle("camera", "camera", "camera");
  const end = h("button", { class: "round red", type: "button", part: "hangup", "data-testid": "hangup", click: hangUp }, icon("hangup"));
  const element = h("div", { class: "controls", part: "controls", hidden: true }, microphone.button, camera.button, end);
  return {
    element,
    render(state) {
      show(element, state.visible);
      end.setAttribute("aria-label", state.hangUp);
      end.title = state.hangUp;
      for (const { button, label } of [microphone, camera]) {
        show(button, state.talking);
        label();
      }
      if (!state.talking) Object.assign(off, { camera: false, microphone: false });
    },
  };
}
