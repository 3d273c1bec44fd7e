// What the page of version 2.0 shows of itself: who got what, its connection, and commands to try.

import { begin, headed, posted, refused, vendorDid } from "./lanes.js";
import { LOGIN, ask, channelOf, commentsWidget, join, shareWidget, signInWidget } from "./widgets2.js";

/** Whose server the page looks into. */
const SEEN = "comments.example";
/** How messages come, in words: `HeaderBus.via`. */
const VIA = { stream: "stream", block: "long polls", poll: "polls" };

const element = (id) => document.getElementById(id);
const bus = join();

// --- Who got what

/** login.example's server posts something, and all of that is drawn. */
async function post(call, form) {
  begin(`identity/${call}`);
  try {
    const { took } = await ask("login.example", call, form);
    posted(took);
  } catch (error) {
    refused();
    throw error;
  }
}

async function show(header) {
  headed(header);
  const { messageURL, type } = header;
  element("header").textContent = JSON.stringify(header, null, 2);
  element("lanes-note").textContent = type === LOGIN
    ? "All widgets have the header. What is private went to the vendors’ servers alone."
    : "All widgets have the header of the logout.";
  showCommand(messageURL);
  try {
    const { said } = await ask(SEEN, "seen", { messageURL });
    // Another one may have come meanwhile.
    if (element("header").textContent.includes(JSON.stringify(messageURL))) {
      element("payload").textContent = JSON.stringify(said.payload, null, 2);
    }
  } catch (error) {
    element("payload").textContent = error.message;
  }
}

function forget() {
  element("header").textContent = element("payload").textContent = "Nothing yet.";
  element("command").textContent = "Sign in first.";
  element("copy").disabled = true;
  refused();
}

// --- The connection

let since = performance.now();
let how;

function showConnection() {
  const now = bus.state === "live" ? `Connected by ${VIA[bus.via]}` : `Not connected (${bus.state})`;
  if (now !== how) since = performance.now();
  how = now;
  const connection = element("connection");
  connection.textContent = `${now} for ${Math.round((performance.now() - since) / 1000)} s.`;
  connection.classList.toggle("open", bus.state === "live" && bus.via === "stream");
}

// --- Commands

function showCommand(messageURL) {
  const { origin } = location;
  const message = JSON.stringify({
    message: { type: "identity/logout", bus: "demo", channel: channelOf(bus), sticky: true, payload: {} },
  });
  element("command").textContent = [
    `token=$(curl -s -u login.example:demo -d grant_type=client_credentials \\\n${origin}/v2/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `curl -H "Authorization: Bearer $token" \\\n${messageURL}`,
    `curl -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \\\n-d '${message}' \\\n${origin}/v2/message`,
  ].join("\n");
  element("copy").disabled = false;
}

element("snippet").textContent =
  `import { connect } from "${location.origin}/backplane.mjs";\n\n` +
  `const bus = connect({ version: 2, serverBaseURL: "${location.origin}/v2", busName: "demo" });\n` +
  `bus.on("identity/login", ({ messageURL }) => askYourServer(messageURL));`;

element("copy").addEventListener("click", async ({ target }) => {
  try {
    await navigator.clipboard.writeText(element("command").textContent);
    target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(element("command"));
    target.textContent = "Selected: now copy it";
  }
  setTimeout(() => (target.textContent = "Copy the commands"), 2000);
});

// --- All together

// Before the widgets: what they do is drawn for the header that is shown.
bus.onAny(show);
bus.onChannel(forget);
bus.onState(showConnection);
setInterval(showConnection, 1000);
signInWidget(element("sign-in"), vendorDid, post);
commentsWidget(element("comments"), vendorDid);
shareWidget(element("shares"), vendorDid);
