// The lanes of a call's picture: the caller, the backend, each person who was called, and whoever else a message went to.

import { foreign } from "../elements/foreign.js";
import { addressIn, addressOf, ownerOf, type PartyAddress } from "./party-address.js";
import { callerName, type CallEvents, outcomes, type Party, placed, type Told } from "./events.js";
import type { StoryWords } from "./words.js";

export interface Lane {
  title: string;
  /** Whose lane it is; none of the backend's, nor of one that only an address is known of. */
  party?: Party;
  /** Where its party is found; none where that is a hash and the browser computes none. */
  found?: PartyAddress;
}

/** Where the backend stands. */
const BACKEND = 1;

export async function lanesOf(call: CallEvents, words: StoryWords): Promise<Lane[]> {
  const parties = placed(call);
  const tenant = call.commits[0]?.tenant ?? "";
  const lane = async (party: Party, title: string): Promise<Lane> => {
    const address = await addressOf(tenant, party);
    return { title, party, found: address === undefined ? undefined : { kind: party.kind, address } };
  };
  const caller = parties === undefined ? { title: "" } : await lane(parties.caller, foreign(callerName(call)));
  const people = (parties?.callees ?? []).map(({ id }) => lane({ kind: "user", id }, words.phones.replace("{id}", () => foreign(id))));
  const lanes = [caller, { title: words.backend }, ...(await Promise.all(people))];
  for (const told of call.commits.flatMap(({ n }) => outcomes(call, n))) {
    const found = whereTold(told);
    if (found !== undefined && !lanes.some((lane) => isAt(lane, found))) lanes.push({ title: foreign(found.address), found });
  }
  return lanes;
}

/** The index of the lane of whoever acts; the backend's where it is nobody of the call. */
export function laneOf(party: Party | undefined, lanes: Lane[]): number {
  return orBackend(lanes.findIndex((lane) => lane.party !== undefined && lane.party.kind === party?.kind && lane.party.id === party.id));
}

/** The index of the lane of whoever was told. */
export function laneTold(told: Told, lanes: Lane[]): number {
  const found = whereTold(told);
  return orBackend(lanes.findIndex((lane) => found !== undefined && isAt(lane, found)));
}

function orBackend(index: number): number {
  return index < 0 ? BACKEND : index;
}

function whereTold({ phone, target }: Told): PartyAddress | undefined {
  return phone === undefined ? addressIn(target) : ownerOf(phone);
}

function isAt({ found }: Lane, { kind, address }: PartyAddress): boolean {
  return found !== undefined && found.kind === kind && found.address === address;
}
