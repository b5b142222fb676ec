// What an app hands in that no backend would take.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../dist/index.js";

test("a number that is none is refused with the field and what would be right, and the client goes on", async () => {
  const client = await Client.create({ server: "http://backend.invalid", token: () => undefined, role: "door" });
  try {
    const told = [];
    client.on("progress", ({ progress }) => told.push(progress));
    for (const ringSeconds of [-5, 7.5]) {
      const said = new RegExp(`ring_seconds must be a whole number, 5 to 120, not ${ringSeconds}`);
      assert.throws(() => client.press("user456", { ringSeconds }), said);
    }
    assert.throws(() => client.status("active", 300), /priority must be a whole number, 0 to 10/);
    assert.throws(() => client.callsSeen(NaN), /until must be a whole number/);
    assert.deepEqual(told, []);
    client.press("user456", { ringSeconds: 30 });
    assert.deepEqual(told, ["placing"]);
  } finally {
    client.close();
  }
});
