/** Compiles against what is published: the types in dist/, found by the package's own name. */

import {
  connect, version, type Backplane2Global, type BackplaneGlobal, type Bus, type Gap, type Header, type HeaderBus, type State,
} from "backplane-client";

interface Login {
  readonly context: string;
}

export async function page(signal: AbortSignal, global: BackplaneGlobal): Promise<string> {
  const bus: Bus = connect({ serverBaseURL: "https://bp.example.com/v1", busName: "customer.com", from: "last", cookie: { expires: "" }, signal });
  const stop = bus.on<Login>("identity/login", (message, frame) => console.log(message.payload.context, frame.id));
  bus.onGap((gap: Gap) => console.log(gap.reason));
  bus.onState((state: State) => console.log(state));
  bus.onError((error) => console.log(error.status, error.code, error.retryAfter, error.final));
  bus.onChannel((url: string) => console.log(url, bus.via));
  bus.expect(30, ["identity/login", "identity/logout"]);
  for await (const message of bus) console.log(message.source, message["sticky"], message.payload);
  await bus.reset();
  stop();
  global(() => global.subscribe((message) => console.log(message.type)));
  return version + (await bus.ready);
}

export async function page2(global: Backplane2Global, fetchPayload: (messageURL: string) => void): Promise<void> {
  const bus: HeaderBus = connect({ version: 2, serverBaseURL: "https://bp.example.com/v2", busName: "customer.com", scope: "type:identity/login" });
  bus.on("identity/login", ({ messageURL }) => fetchPayload(messageURL));
  bus.onAny((header: Header) => console.log(header.bus, header.channel, header.sticky, header.expire));
  // @ts-expect-error: pages see no payloads (V2-ACC-2).
  bus.onAny((header) => console.log(header.payload));
  for await (const { type } of bus) console.log(type);
  global(() => global.subscribe(({ messageURL }) => fetchPayload(messageURL)));
  const two: HeaderBus = global.connect({ version: 2, serverBaseURL: "https://bp.example.com/v2", busName: "customer.com" });
  console.log(global.getCachedMessages().map(({ type }) => type), await two.ready);
}
