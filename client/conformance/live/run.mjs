// Runs the live cases on clients: node run.mjs NAME COMMAND… [--- NAME COMMAND…]

import { cases } from "./cases.mjs";
import { Case, Scene } from "./scene.mjs";

function clients(words) {
  const [all, left] = [[], [...words]];
  while (left.length > 0) {
    const end = left.indexOf("---");
    const [name, ...command] = left.splice(0, end < 0 ? left.length : end);
    if (end >= 0) left.shift();
    all.push({ name, command });
  }
  return all;
}

const only = process.env.CLIENT_CASE;
let [all, held] = [0, 0];
for (const { name, command } of clients(process.argv.slice(2))) {
  const scene = await Scene.open(command);
  for (const [title, run] of Object.entries(cases)) {
    if (only !== undefined && !title.includes(only)) continue;
    all += 1;
    const on = new Case(scene);
    const began = performance.now();
    try {
      await on.begin();
      await run(on);
      held += 1;
      console.log(`${name}: holds in ${Math.round(performance.now() - began)} ms: ${title}`);
    } catch (error) {
      console.log(`${name}: FAILS: ${title}\n  ${error.message}`);
    }
    await on.end();
  }
  await scene.close();
}
console.log(`${held} of ${all}`);
process.exitCode = held === all && all > 0 ? 0 : 1;
