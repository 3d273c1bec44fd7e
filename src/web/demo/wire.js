// The streams of this page and of its other tabs: counted, and cut to see what happens. The library needs none of this.

/** A tab and a stream hold a lock each for as long as they are there, so the browser counts them, also when one crashes. */
const [TAB, STREAM] = ["demo tab ", "demo stream "];
/** Patience for a stream to be gone after it was cut: times 10 ms. */
const TRIES = 50;

const others = new BroadcastChannel("demo");
const streams = new Set();
const plainFetch = globalThis.fetch;
let listener = () => undefined;
let lastHeard;

const hold = (name, until) => navigator.locks.request(name + crypto.randomUUID(), () => until).catch(() => undefined);

// Only in between, so that this page can see its streams and cut them: what is asked and answered stays the same.
globalThis.fetch = async (url, init = {}) => {
  const answer = await plainFetch(url, init);
  if (init.headers?.Accept !== "text/event-stream" || !answer.body) return answer;
  return new Response(watched(answer.body.getReader()), answer);
};

function watched(reader) {
  let stream;
  return new ReadableStream({
    start(controller) {
      let over;
      hold(STREAM, new Promise((resolve) => (over = resolve)));
      stream = {
        end() {
          over();
          if (streams.delete(stream)) changed();
        },
        cut() {
          stream.end();
          controller.error(new TypeError("the connection was cut"));
          reader.cancel().catch(() => undefined);
        },
      };
      streams.add(stream);
      changed();
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        lastHeard = performance.now();
        if (!streams.has(stream)) return;
        if (!done) return controller.enqueue(value);
        stream.end();
        controller.close();
      } catch (error) {
        stream.end();
        controller.error(error);
      }
    },
    cancel(reason) {
      stream.end();
      return reader.cancel(reason);
    },
  });
}

function changed() {
  listener();
  others.postMessage("changed");
}

others.onmessage = ({ data }) => {
  if (data === "cut") cutOwn();
  listener();
};

function cutOwn() {
  for (const stream of [...streams]) stream.cut();
}

/** Calls `run` when a tab or a stream has come or gone; once a second in any case. */
export function watch(run) {
  listener = run;
  hold(TAB, new Promise(() => undefined));
  changed();
  setInterval(run, 1000);
}

/** How many tabs and streams there are, whether a stream is this tab's, and when the server was last heard in it, in seconds ago. */
export async function count() {
  const { held = [] } = await navigator.locks.query();
  const number = (kind) => held.filter(({ name }) => name.startsWith(kind)).length;
  const own = streams.size > 0;
  return { tabs: number(TAB), streams: number(STREAM), own, heard: (performance.now() - lastHeard) / 1000 };
}

/** Cuts the streams of all tabs, and waits until they are gone. */
export async function cut() {
  others.postMessage("cut");
  cutOwn();
  for (let tries = 0; tries < TRIES && (await count()).streams > 0; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
