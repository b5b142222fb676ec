// Defines <ilock-door> and <ilock-phone>.

import { IlockDoor } from "./door.js";
import { IlockPhone } from "./phone.js";

customElements.define("ilock-door", IlockDoor);
customElements.define("ilock-phone", IlockPhone);

export { IlockDoor, IlockPhone };
