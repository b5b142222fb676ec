export { Client, type EventOf, type Options, type Press } from "./client.js";
export { Core } from "./core.js";
export type * from "./types.js";
