// The pages that `ilock dev` and a deployment's CloudFront serve, in one file; the address says which one is open.

import "./elements/index.js";

import { doorPage, phonePage } from "./pages/parties.js";
import { startPage } from "./pages/start.js";
import { storyPage } from "./story/page.js";

const PAGES: Record<string, () => unknown> = { "": startPage, door: doorPage, phone: phonePage, story: storyPage };

PAGES[location.pathname.split("/")[1] ?? ""]?.();
