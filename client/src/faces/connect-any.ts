/** `connect` of every version. */

import { isObject } from "../core/json";
import type { Environment } from "../engine/environment";
import { wrong } from "../engine/settings";
import { strictSettings2 } from "../engine/settings2";
import type { Bus, Connect2Options, ConnectOptions, HeaderBus } from "../public";
import { connectFirst } from "./connect-first";
import { connectWith } from "./connect";

export function connectAny(env: Environment, options: Connect2Options): HeaderBus;
export function connectAny(env: Environment, options: ConnectOptions): Bus;
export function connectAny(env: Environment, options: ConnectOptions | Connect2Options): Bus | HeaderBus {
  if (!isObject(options) || !("version" in options)) return connectFirst(env, options);
  if (options.version !== 2) throw wrong("version", "2, or left out for versions 1.x");
  // What comes by it are headers.
  return connectWith(env, strictSettings2(options, env.pageURL()), options.signal) as Bus & HeaderBus;
}
