// Icons: paths in a square of 24.

import { svg } from "./dom.js";

const PATHS = {
  bell: "M12 3a6 6 0 0 0-6 6v3.600l-1.700 3A1 1 0 0 0 5.200 17h13.600a1 1 0 0 0 .9-1.400l-1.700-3V9a6 6 0 0 0-6-6Zm-2.300 15.500a2.400 2.400 0 0 0 4.600 0",
  phone: "M6.600 3.500 9 3a1 1 0 0 1 1.100.6l1.300 3.100a1 1 0 0 1-.3 1.100L9.500 9.100a12 12 0 0 0 5.400 5.400l1.300-1.600a1 1 0 0 1 1.100-.3l3.100 1.300a1 1 0 0 1 .6 1.100l-.5 2.400a2 2 0 0 1-2 1.600A15.500 15.500 0 0 1 5 5.500a2 2 0 0 1 1.600-2Z",
  hangup: "M3 14.500c0-4 4-6.500 9-6.500s9 2.500 9 6.500v1a1 1 0 0 1-1.200 1l-3.300-.7a1 1 0 0 1-.8-1v-2a12 12 0 0 0-7.400 0v2a1 1 0 0 1-.8 1l-3.300.7a1 1 0 0 1-1.200-1Z",
  silent: "M4 4l16 16M8.500 5A6 6 0 0 1 18 9v3.600M6.100 8.500 6 9v3.600l-1.700 3A1 1 0 0 0 5.200 17H16m-6.300 1.500a2.400 2.400 0 0 0 4.600 0",
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3Zm-6 8a6 6 0 0 0 12 0m-6 6v4",
  camera: "M4 7h9a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2Zm11 3.500 6-3v9l-6-3",
  incoming: "M17 7 7 17m0-8v8h8",
  outgoing: "M7 17 17 7m-8 0h8v8",
  missed: "M4 8l8 8 8-9m0 6V7h-6",
  check: "M5 12.500 10 17.500 19.500 7",
  cross: "M6 6l12 12M18 6 6 18",
  door: "M6 21V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v17M3 21h18M14.500 12v1",
  shield: "M12 3 5 5.500v6c0 4.300 3 7.700 7 9.500 4-1.800 7-5.200 7-9.500v-6L12 3Zm-3 9 2.200 2.200L15.500 10",
  download: "M12 4v11m-4.500-4.500L12 15l4.500-4.500M5 20h14",
  sound: "M4 9.500v5h3.500L12 18V6L7.500 9.500H4Zm11.500-1a5 5 0 0 1 0 7M18 6a8.500 8.500 0 0 1 0 12",
} as const;

export type Icon = keyof typeof PATHS;

/** An icon that says nothing by itself: whatever it stands in has a name. */
export function icon(name: Icon): SVGElement {
  return svg("svg", { viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true", focusable: "false" }, svg("path", { d: PATHS[name] }));
}
