// The drawing of a message's way: browser → vendor's server → broker → widgets. All times in it are measured.

const STATIONS = ["browser", "vendor", "broker", "widgets"];
/** How long the dot takes from station to station, in milliseconds: the message is there long before. */
const STEP = 450;
/** How far from a station it waits, in pixels. */
const WAITS = 10;
/** How far from the left edge it goes down where stations stand below each other, in pixels. */
const ASIDE = 24;

const station = (name) => document.getElementById(`at-${name}`);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Messages that were asked for, while nobody knows their ids. */
const asked = new Set();
/** Messages that are with the broker and have not come yet, by id. */
const stored = new Map();
/** Frames that came while somebody was asking: they may be what was asked for. When, by id. */
const early = new Map();
/** Whose times are shown: the last that began. */
let shown;

/** Asks a vendor's server to do something that it will post, and draws what comes of it. Resolves to the message's id. */
export async function send(vendor, path, form) {
  const trip = begin(vendor);
  asked.add(trip);
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(form),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error_description);
    tell(trip, "vendor", `answered after ${since(trip)}`);
    const [, took] = /broker;dur=([\d.]+)/.exec(answer.headers.get("Server-Timing")) ?? [];
    tell(trip, "broker", took === undefined ? "has it" : `took ${Number(took).toFixed(2)} ms`);
    travel(trip, 0, 2);
    const came = early.get(said.id);
    early.delete(said.id);
    if (came) arrive(trip, came.at);
    else stored.set(said.id, trip);
    return said.id;
  } catch (error) {
    trip.dot.remove();
    throw error;
  } finally {
    asked.delete(trip);
    if (asked.size === 0) {
      for (const { frame, at } of early.values()) fromElsewhere(frame, at);
      early.clear();
    }
  }
}

/** To be called with each frame that comes. */
export function heard(frame) {
  const at = performance.now();
  const trip = stored.get(frame.id);
  if (trip) {
    stored.delete(frame.id);
    arrive(trip, at);
  } else if (asked.size > 0) early.set(frame.id, { frame, at });
  else fromElsewhere(frame, at);
}

/** The channel is another one: what is on its way in the old one does not come any more. */
export function forget() {
  for (const { dot } of stored.values()) dot.remove();
  stored.clear();
}

function begin(vendor) {
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.style.translate = exit(station("browser"));
  document.getElementById("way").append(dot);
  const trip = { vendor, dot, began: performance.now(), moved: Promise.resolve(), times: {} };
  trip.times.browser = "at 0 ms";
  shown = trip;
  show();
  return trip;
}

function arrive(trip, at) {
  tell(trip, "widgets", `told after ${since(trip, at)}`);
  travel(trip, 2, 3).then(() => trip.dot.remove());
  const note = document.getElementById("way-note");
  note.textContent = `From ${trip.vendor}’s page over its server to the widgets: ${since(trip, at)}. The dot takes longer, so that you can follow it.`;
}

/** A message that this page did not ask for: nobody here knows when it began. */
function fromElsewhere(frame, at) {
  const trip = begin(hostOf(frame.message));
  trip.times = { browser: "", vendor: "posted", broker: "has it" };
  travel(trip, 1, 2);
  tell(trip, "widgets", `told at ${new Date(performance.timeOrigin + at).toLocaleTimeString()}`);
  travel(trip, 2, 3).then(() => trip.dot.remove());
  document.getElementById("way-note").textContent = `A server posted ${frame.message.type ?? "an envelope"}: not by way of this tab.`;
}

function hostOf({ source }) {
  return URL.canParse(source) ? new URL(source).host : "a server";
}

function since({ began }, at = performance.now()) {
  return `${(at - began).toFixed(1)} ms`;
}

function tell(trip, name, time) {
  trip.times[name] = time;
  if (trip === shown) show();
}

function show() {
  for (const name of STATIONS) {
    const time = shown.times[name];
    station(name).querySelector(".time").textContent = time ?? "…";
    station(name).classList.toggle("reached", Boolean(time));
  }
  station("vendor").querySelector(".who").textContent = shown.vendor;
}

/** Moves the dot over the stations from one to another, once it has done what it was told before. */
function travel(trip, from, to) {
  trip.moved = trip.moved.then(async () => {
    for (let at = from; at < to; at += 1) await step(trip.dot, station(STATIONS[at]), station(STATIONS[at + 1]));
  });
  return trip.moved;
}

async function step(dot, from, to) {
  const path = [exit(from), to === station("widgets") ? inside(to) : exit(to)];
  dot.style.translate = path[1];
  if (!calm.matches) await dot.animate({ translate: path }, { duration: STEP, easing: "ease-in-out" }).finished;
}

/** Whether the stations stand beside each other; on narrow screens they stand below each other. */
function across() {
  return station("browser").offsetTop === station("widgets").offsetTop;
}

/** Where a dot waits for what comes next: outside of the station, on its leg. */
function exit({ offsetLeft, offsetTop, offsetWidth, offsetHeight }) {
  return across()
    ? `${offsetLeft + offsetWidth + WAITS}px ${offsetTop + offsetHeight / 2}px`
    : `${offsetLeft + ASIDE}px ${offsetTop + offsetHeight + WAITS}px`;
}

/** Where it ends. */
function inside({ offsetLeft, offsetTop, offsetWidth, offsetHeight }) {
  return `${offsetLeft + (across() ? offsetWidth / 2 : ASIDE)}px ${offsetTop + offsetHeight / 2}px`;
}
