// The cases in Node.

import { runAll } from "./cases.mjs";
import { readCases, report } from "./files.mjs";

const { given, files } = await readCases();
report(await runAll(given, files));
