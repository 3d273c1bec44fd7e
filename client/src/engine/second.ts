/** Version 2.0: a token lets a page into one channel of a bus, and what it reads there has no payloads (V2-ACC-2). */

import { queryFor, type Answer } from "../core/answer";
import { channelURL } from "../core/channel";
import { readEvent } from "../core/fact";
import { readPage, withId, type Page } from "../core/header";
import type { DoorMaker } from "./door";
import { checked, Tokens } from "./tokens";

/** So many pages are one answer; more are the next one. */
const PAGES = 100;

export const second: DoorMaker = (env, settings, host) => {
  const { base, bus, transport } = settings;
  const getter = transport === "jsonp" ? env.jsonp : env.fetch;
  const tokens = new Tokens(env, settings, host, getter);
  /** A position is one text here, as in `nextURL`. */
  const address = (query: string, token: string): string =>
    // In the address: a header for it would cost a request of its own before each, to ask whether it may be sent.
    `${base}/messages${query.replace("&epoch=", ".")}${query === "" ? "?" : "&"}access_token=${token}`;

  const page = async (query: string, token: string, signal: AbortSignal): Promise<Page> => {
    const { body, header } = checked(await getter.get(address(query, token), signal));
    return readPage(body, header);
  };
  /** All that is there: a server may give it out in parts. */
  const read = (channel: string, query: string, signal: AbortSignal): Promise<Answer> =>
    tokens.using(channel, async (token) => {
      let answer = await page(query, token, signal);
      for (let pages = 1; answer.more && answer.next && pages < PAGES; pages += 1) {
        const more = await page(queryFor(answer.next), token, signal);
        // A server that has nothing and says that there is more would be asked for ever.
        const goesOn = more.more && more.frames.length > 0;
        answer = { ...more, frames: [...answer.frames, ...more.frames], resume: answer.resume, more: goesOn };
      }
      return answer;
    });
  /** What is pushed is one channel, so that a course has said which, and from where. */
  const parts = (path: string): [channel: string, query: string] => {
    const [, channel = "", query = ""] = /^\/channel\/([^?]+)(.*)$/.exec(path) ?? [];
    return [channel, query];
  };
  let streamed = "";

  return {
    id: (channel) => channelURL(base, bus, channel),
    read,
    block: (path, signal) => read(...parts(path), signal),
    stream(path, signal, sink) {
      const [channel, query] = parts(path);
      streamed = channel;
      return tokens.using(channel, async (token) => env.stream?.open(address(query, token), signal, sink) ?? false);
    },
    event(event) {
      const said = readEvent(event, withId);
      if (said?.kind !== "end" || said.reason !== "expired") return said;
      tokens.expired(streamed);
      // With another token the page may come back at once.
      return { ...said, retry: said.retry ?? 0 };
    },
    // A token is good for one channel, so nobody else's can be had over the same connection.
    crew: (channel) => `backplane 2 ${base} ${bus} ${channel}`,
    pass: (channel) => tokens.text(channel),
    admit: (text) => tokens.admit(text),
    naming: ({ cookie }) => {
      // All connections of the page have the same channel: the first one's.
      const known = (): string | undefined => {
        const { remembered } = host;
        return remembered !== undefined && tokens.has(remembered) ? remembered : tokens.known(cookie);
      };
      return {
        known,
        taken: known,
        own: () => undefined,
        find: () =>
          new Promise((resolve) =>
            host.read({
              over: host.over.signal,
              run: async (signal) => {
                const channel = await tokens.enter(signal, cookie);
                return () => resolve(channel);
              },
              failed: () => undefined,
            }),
          ),
        keep(channel) {
          host.remembered = channel;
          tokens.keep(channel, cookie);
        },
        leave(channel) {
          host.remembered = undefined;
          tokens.leave(channel, cookie);
        },
      };
    },
  };
};
