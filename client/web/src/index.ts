export { Client, type EventOf, type Options, type Press } from "./client.js";
export { Core } from "./core.js";
export { followRooms, MediaError, type MediaOptions, type MediaRoom, type MediaTrouble, type Tracks } from "./media.js";
export { type Trtc, type TrtcOptions, TrtcRoom, type TrtcSdk, trtcFrom } from "./trtc.js";
export type * from "./types.js";
