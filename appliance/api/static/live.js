// Keeps the page true: the daemon sends its moving part whenever something has changed.
"use strict";

const link = document.getElementById("link");
const RELOAD_AFTER = 15000; // milliseconds, where no stream can be had

function replace(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const section of fresh.querySelectorAll("section")) {
    const shown = document.getElementById(section.id);
    if (shown && shown.outerHTML !== section.outerHTML) {
      shown.replaceWith(document.adoptNode(section));
    }
  }
}

link.textContent = "Connecting…";
const stream = new EventSource("/events");
stream.addEventListener("open", () => { link.textContent = "Live"; });
stream.addEventListener("board", (event) => replace(event.data));
stream.addEventListener("error", () => {
  if (stream.readyState === EventSource.CLOSED) {
    link.textContent = "Reloads every 15 s";
    setTimeout(() => location.reload(), RELOAD_AFTER);
  } else {
    link.textContent = "Connection lost: what you see may be old. Trying again…";
  }
});
// A page kept for going back must not hold a stream open.
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
