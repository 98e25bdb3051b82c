// A running experiment: what is measured is brought up to date, and nothing that somebody is typing is lost.

const SECONDS = 5;

async function update() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const pieces = [...document.querySelectorAll("[data-live]")].map((old) => [old, fresh.getElementById(old.id)]);
  const more = fresh.querySelectorAll("[data-live]").length !== pieces.length;
  const ended = !fresh.querySelector('script[src*="/experiments.js"]');
  const busy = document.querySelector("details.ask[open]");
  if ((ended || more) && !busy) return location.reload();
  for (const [old, now] of pieces) {
    if (now && old.innerHTML !== now.innerHTML) old.replaceWith(document.adoptNode(now));
  }
}

setInterval(update, SECONDS * 1000);
