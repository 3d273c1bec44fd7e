/** Compiles against what is published: the types in dist/, found by the package's own name. */

import { connect, version, type BackplaneGlobal, type Bus, type Gap, type State } from "backplane-client";

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
