/** The face for pages of today: an object per connection, handlers by type, iteration, a signal. */

import type { Environment } from "../engine/environment";
import { Session } from "../engine/session";
import { settingsFrom } from "../engine/settings";
import type { Bus, ConnectOptions, Frame, Gap, Message, RequestError, State } from "../public";
import { Emitter } from "./emitter";
import { Queue } from "./queue";

export function connectIn(env: Environment, options: ConnectOptions): Bus {
  const settings = settingsFrom(options, env.pageURL());
  const messages = new Emitter<[Message, Frame]>(env);
  const gaps = new Emitter<[Gap]>(env);
  const states = new Emitter<[State]>(env);
  const errors = new Emitter<[RequestError]>(env);
  const queues = new Set<Queue<Message>>();
  let channelId: string | undefined;
  let settle: { known(url: string): void; never(error: Error): void } | undefined;
  const ready = new Promise<string>((known, never) => (settle = { known, never }));
  // Whoever does not wait for it need not care that it never comes.
  ready.catch(() => undefined);

  const session = new Session(env, settings, {
    named(_name, url) {
      channelId = url;
      settle?.known(url);
    },
    message(message, frame) {
      messages.emit(message, frame);
      for (const queue of [...queues]) queue.push(message);
    },
    gap: (gap) => gaps.emit(gap),
    state: (state) => states.emit(state),
    error: (error) => errors.emit(error),
  });

  const { signal } = options;
  const close = (): void => {
    session.close();
    signal?.removeEventListener("abort", close);
    settle?.never(new Error("Backplane: the connection was closed before it had a channel"));
    for (const queue of [...queues]) queue.close();
    for (const emitter of [messages, gaps, states, errors]) emitter.clear();
  };
  signal?.addEventListener("abort", close);
  if (signal?.aborted) close();
  else session.start();

  return {
    get channelId() {
      return channelId;
    },
    ready,
    get state() {
      return session.state;
    },
    get via() {
      return session.via;
    },
    on<Payload>(type: string, handler: (message: Message<Payload>, frame: Frame) => void) {
      return messages.on((message, frame) => {
        if (message.type === type) handler(message as Message<Payload>, frame);
      });
    },
    onAny: (handler) => messages.on(handler),
    onGap: (handler) => gaps.on(handler),
    onState: (handler) => states.on(handler),
    onError: (handler) => errors.on(handler),
    expect(seconds, types) {
      if (!(seconds > 0)) throw new TypeError("Backplane: expect takes a number of seconds above 0");
      session.expect(seconds, types);
    },
    close,
    [Symbol.asyncIterator]() {
      const queue: Queue<Message> = new Queue(() => queues.delete(queue));
      if (session.state === "closed") queue.close();
      else queues.add(queue);
      return queue;
    },
  };
}
