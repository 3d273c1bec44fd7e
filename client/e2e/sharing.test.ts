/** Several pages and one channel: each message reaches each page once and in order. */

import { describe, expect, test } from "vitest";
import type { Bus, Message } from "../src/public";
import { message, type Broker } from "./harness/broker";
import { Tab, types } from "./harness/visit";
import { BUS, world } from "./harness/world";

declare global {
  var bus: Bus;
}

const WIDE = "wide.example";
const here = world([{ name: BUS }, { name: WIDE, settings: ["window.channel = 1000"] }]);

/** A page of today: the module, and a loop over its messages. */
function modulePage(broker: Broker, busName: string): string {
  return `<!doctype html><title>a page</title><script type="module">
import { connect } from "${broker.origin}/backplane.mjs";
globalThis.received = [];
globalThis.bus = connect({ serverBaseURL: "${broker.base}", busName: "${busName}" });
for await (const message of bus) received.push(message);
</script>`;
}

describe("two tabs of a site", () => {
  test("share the cookie's channel, and each sees each message once", async () => {
    const context = await here.visitor();
    const [one, other] = [await here.tab(context), await here.tab(context)];
    const { channelName: _, ...options } = here.options();
    const channel = await one.init(options);
    expect(await other.init(options)).toBe(channel);
    await here.broker.post(channel, message("a"), message("b"));
    await here.broker.post(channel, message("c"));
    for (const tab of [one, other]) expect(types(await tab.receivedUntil("c"))).toEqual(["a", "b", "c"]);
  });

  test.each([1, 2, 3])("that open at the same moment end up in one channel (%i)", async () => {
    const context = await here.visitor();
    const tabs = [await here.tab(context), await here.tab(context)];
    const { channelName: _, ...options } = here.options();
    await Promise.all(tabs.map((tab) => tab.init(options)));
    const [cookie] = await context.cookies(here.site.origin);
    const name = cookie?.value.split(":")[1] ?? "";
    for (const tab of tabs) expect(await tab.channelID()).toBe(here.broker.channel(BUS, name));
  });
});

test.each(["fetch", "poll"] as const)("1 000 messages in bursts: nothing lost, doubled or reordered, on either face (%s)", async (transport) => {
  const context = await here.visitor();
  const classic = await here.tab(context);
  const channel = await classic.init(here.options({ busName: WIDE, transport }));
  const modern = await Tab.in(context, here.site.serve("/module", modulePage(here.broker, WIDE)));
  await modern.page.waitForFunction(() => globalThis.bus?.state === "live");

  const sent: number[] = [];
  for (let burst = 0; sent.length < 1_000; burst += 1) {
    // Bursts of 1 to 64.
    const size = Math.min(1 + ((burst * 37) % 64), 1_000 - sent.length);
    const numbers = Array.from({ length: size }, (_, n) => sent.length + n);
    await here.broker.post(channel, ...numbers.map((number) => message("n", number)));
    sent.push(...numbers);
    if (burst % 8 === 7) await classic.received(sent.length);
  }
  await here.broker.post(channel, message("end"));
  for (const tab of [classic, modern]) {
    const numbers = (got: Message[]): unknown[] => got.map(({ payload }) => payload);
    expect(numbers(await tab.receivedUntil("end"))).toEqual([...sent, null]);
  }
});
