// The demonstration. Everything a widget needs is the global `Backplane`; the rest of this file shows what it does.
"use strict";

const BUS = "demo";
const LOGIN = "identity/login";
const CHART_SECONDS = 180;
const element = (id) => document.getElementById(id);
const nameIn = (message) => message.payload?.identities?.entry?.displayName;

// --- Two widgets, each by its vendor. Neither knows of the other.

function commentsWidget(box) {
  Backplane.subscribe((message) => {
    if (message.type !== LOGIN) return;
    box.querySelector(".greeting").textContent = `Hello ${nameIn(message)}, what do you think?`;
    box.classList.add("told");
  });
}

function shareWidget(box) {
  Backplane.subscribe((message) => {
    if (message.type !== LOGIN) return;
    box.querySelector(".greeting").textContent = `${nameIn(message)}, tell your friends about this page.`;
    box.classList.add("told");
  });
}

// --- The sign-in. Its server posts the message; the page only hints that one will come.

function signInWidget(form) {
  const note = element("sign-in-note");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const channel = Backplane.getChannelName();
    if (!channel) return;
    Backplane.expectMessagesWithin(30, LOGIN);
    const answer = await fetch("/demo/sign-in", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ channel, name: form.elements.name.value }),
    });
    note.textContent = answer.ok
      ? "Signed in. The provider's server has posted identity/login to the channel."
      : (await answer.json()).error_description;
  });
}

// --- What happens behind the page.

const frames = element("frames");

/** Shows the channel's whole window as any reader gets it. The extra parameter only keeps it out of the chart. */
async function showFrames() {
  const window_ = await (await fetch(`${Backplane.getChannelID()}?shown=1`)).json();
  const items = window_.toReversed().map(({ message, id }) => {
    const [item, title, number, json] = ["li", "strong", "code", "pre"].map((tag) => document.createElement(tag));
    title.textContent = message.type ?? "(a Magic Envelope)";
    number.textContent = id;
    number.className = "id";
    json.textContent = JSON.stringify(message, null, 2);
    item.append(number, title, json);
    return item;
  });
  frames.replaceChildren(...items);
  element("count").textContent = `${items.length} in the window`;
  element("no-frames").hidden = items.length > 0;
}

const polls = [];

function watchPolls(channelID) {
  const note = (entries) => {
    for (const { name, startTime } of entries) {
      if (name.startsWith(channelID) && !name.includes("shown=")) polls.push(startTime / 1000);
    }
  };
  new PerformanceObserver((list) => note(list.getEntries())).observe({ type: "resource", buffered: true });
  // The browser stops recording at a few hundred otherwise.
  performance.addEventListener("resourcetimingbufferfull", () => performance.clearResourceTimings());
  drawPolls();
  setInterval(drawPolls, 500);
}

/** Seconds between polls, from 0.5 to 120 on a logarithmic scale, against time. */
function drawPolls() {
  const now = performance.now() / 1000;
  const curve = element("curve");
  // As wide as it is shown, so that its letters keep their size on a phone.
  const width = Math.max(curve.clientWidth, 240);
  curve.setAttribute("viewBox", `0 0 ${width} 150`);
  const [left, right, top, bottom] = [34, width - 8, 10, 125];
  const x = (time) => right - ((now - time) / CHART_SECONDS) * (right - left);
  const y = (gap) => {
    const part = Math.log(Math.min(Math.max(gap, 0.5), 120) / 0.5) / Math.log(240);
    return bottom - part * (bottom - top);
  };
  const marks = [1, 10, 60].map((seconds) =>
    `<line x1="${left}" x2="${right}" y1="${y(seconds)}" y2="${y(seconds)}"/>` +
    `<text x="0" y="${y(seconds) + 4}">${seconds} s</text>`);
  const times = [180, 120, 60, 0].map((ago) =>
    `<text x="${x(now - ago)}" y="145" text-anchor="${ago ? "middle" : "end"}">${ago ? `−${ago / 60} min` : "now"}</text>`);
  const points = polls
    .map((time, n) => [time, n ? time - polls[n - 1] : 0])
    .filter(([time, gap]) => gap > 0 && now - time < CHART_SECONDS)
    .map(([time, gap]) => [x(time).toFixed(1), y(gap).toFixed(1)]);
  // A tick for each poll, so that the first one, which has no distance yet, is seen too.
  const ticks = polls
    .filter((time) => now - time < CHART_SECONDS)
    .map((time) => x(time).toFixed(1))
    .map((at) => `<line class="poll" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}"/>`);
  // Numbers only: nothing that came over the network is written as markup.
  curve.innerHTML = [
    ...marks,
    ...times.slice(1),
    ...ticks,
    `<polyline points="${points.map((point) => point.join(",")).join(" ")}"/>`,
    ...points.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="2.5"/>`),
  ].join("");
  const last = polls.at(-1);
  element("pace").textContent = last === undefined ? "" : `last poll ${Math.round(now - last)} s ago`;
}

function showCommand(channelID) {
  const message = '[{"source":"http://you.example","type":"greeting","payload":"Hello from a terminal"}]';
  const command = `curl -u demo:demo -H 'Content-Type: application/json' \\\n-d '${message}' \\\n${channelID}`;
  element("command").textContent = command;
  element("copy").addEventListener("click", async ({ target }) => {
    await navigator.clipboard.writeText(command);
    target.textContent = "Copied";
  });
  element("expect").addEventListener("click", () => Backplane.expectMessagesWithin(60));
}

commentsWidget(element("comments"));
shareWidget(element("shares"));
signInWidget(element("sign-in"));
Backplane.subscribe(showFrames);
Backplane.init({
  serverBaseURL: `${location.origin}/v1`,
  busName: BUS,
  // Who signed in before this page was opened is still signed in.
  initFrameFilter: (all) => all.filter(({ message }) => message.type === LOGIN).slice(-1),
});
Backplane(() => {
  const channelID = Backplane.getChannelID();
  element("channel").textContent = channelID;
  showCommand(channelID);
  watchPolls(channelID);
  showFrames();
});
