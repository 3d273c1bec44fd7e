/** Versions 1.x: whoever knows a channel's name may read it. */

import { readAnswer, type Answer } from "../core/answer";
import { channelURL } from "../core/channel";
import { readEvent } from "../core/fact";
import type { DoorMaker } from "./door";
import { Names } from "./naming";

export const first: DoorMaker = (env, { base, bus, transport }, host) => {
  const getter = transport === "jsonp" ? env.jsonp : env.fetch;
  const root = `${base}/bus/${encodeURIComponent(bus)}`;
  const get = async (url: string, signal: AbortSignal): Promise<Answer> => {
    const { body, header } = await getter.get(url, signal);
    return readAnswer(body, header);
  };
  const id = (channel: string): string => channelURL(base, bus, channel);
  const same = (channel: string): string => channel;
  return {
    id,
    read: (channel, query, signal) => get(id(channel) + query, signal),
    block: (path, signal) => get(root + path, signal),
    stream: (path, signal, sink) => env.stream?.open(root + path, signal, sink),
    event: readEvent,
    crew: () => `backplane 1 ${root}`,
    pass: same,
    admit: same,
    naming: (settings) => new Names(env, settings, host),
  };
};
