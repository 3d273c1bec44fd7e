/** `connect` of versions 1.x alone: for the script that knows no other. */

import type { Environment } from "../engine/environment";
import { strictSettings } from "../engine/settings";
import type { Bus, ConnectOptions } from "../public";
import { connectWith } from "./connect";

export function connectFirst(env: Environment, options: ConnectOptions): Bus {
  return connectWith(env, strictSettings(options, env.pageURL()), options.signal);
}
