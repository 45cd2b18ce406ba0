// Lets an admin unbind sessions, pause accounts and trace them, with the key of an account.
// The key stays in this tab; without it the page only shows.
"use strict";

const KEEP = "appliance-key";
const form = document.getElementById("manage");
const said = document.getElementById("said");
const button = form.querySelector("button");

const CONFIRM = {
  unbind: () => "Unbind this session? It may bind again at once.",
  pause: (name) => `Pause ${name}? It can neither bind nor submit until you let it in again. What it is owed is kept.`,
};

const ACTS = {
  unbind: ({ session }) => ask(`/v1/sessions/${encodeURIComponent(session)}/unbind`, "POST"),
  pause: ({ account }) => ask(`${place(account)}/pause`, "POST"),
  resume: ({ account }) => ask(`${place(account)}/resume`, "POST"),
  trace: ({ account }) => ask(`${place(account)}/trace`, "POST"),
  lines: ({ account }) => save(`${place(account)}/trace/lines`, `${account}.txt`),
  capture: ({ account }) => save(`${place(account)}/trace/capture`, `${account}.pcap`),
};

function place(account) {
  return `/v1/accounts/${encodeURIComponent(account)}`;
}

async function ask(path, method) {
  const key = sessionStorage.getItem(KEEP);
  const answer = await fetch(path, { method, headers: { Authorization: `Bearer ${key}` } });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || `HTTP ${answer.status}`);
  }
  return answer;
}

async function save(path, name) {
  const answer = await ask(path, "GET");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000); // milliseconds; the browser has begun by then
}

function manage(on) {
  document.body.classList.toggle("managing", on);
  button.textContent = on ? "Stop managing" : "Manage";
  form.elements.key.disabled = on;
  form.elements.key.value = "";
}

async function enter(key) {
  sessionStorage.setItem(KEEP, key);
  try {
    await ask("/v1/sessions", "GET");
    manage(true);
    said.textContent = "";
  } catch (error) {
    sessionStorage.removeItem(KEEP);
    manage(false);
    said.textContent = error.message;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (document.body.classList.contains("managing")) {
    sessionStorage.removeItem(KEEP);
    manage(false);
  } else {
    enter(form.elements.key.value.trim());
  }
});

document.addEventListener("click", async (event) => {
  const pressed = event.target.closest("button[data-act]");
  if (!pressed) {
    return;
  }
  const { act, account } = pressed.dataset;
  if (CONFIRM[act] && !confirm(CONFIRM[act](account))) {
    return;
  }
  pressed.disabled = true;
  try {
    await ACTS[act](pressed.dataset);
    said.textContent = "";
  } catch (error) {
    said.textContent = error.message;
    form.scrollIntoView();
  } finally {
    pressed.disabled = false;
  }
});

form.hidden = false;
if (sessionStorage.getItem(KEEP)) {
  enter(sessionStorage.getItem(KEEP));
}
