// The list of traces: a panel beside it, keys, and the live tail. Without this script a row is a link to a page.

import { fold } from "./fold.js";
import { markSearched } from "./searched.js";

const MOST_ROWS = 500;

export function startTraces() {
  const table = document.getElementById("traces");
  const panel = document.getElementById("panel");
  if (!panel) return;
  const split = panel.parentElement;
  const rows = () => [...(table?.tBodies[0].rows ?? [])];
  const current = () => rows().findIndex((row) => row.getAttribute("aria-selected") === "true");

  function address(id) {
    const url = new URL(location.href);
    if (id) url.searchParams.set("trace", id);
    else url.searchParams.delete("trace");
    return url;
  }

  function mark(id) {
    for (const row of rows()) {
      if (row.dataset.trace === id) row.setAttribute("aria-selected", "true");
      else row.removeAttribute("aria-selected");
    }
  }

  async function open(id, { push = true } = {}) {
    mark(id);
    const answer = await fetch(`/traces/${id}?panel=1`, { headers: { accept: "text/html" } });
    if (answer.redirected || !answer.ok) {
      location.assign(`/traces/${id}`);
      return;
    }
    const text = await answer.text();
    panel.innerHTML = text;
    panel.hidden = false;
    panel.scrollTop = 0;
    split.classList.add("open");
    fold(panel);
    markSearched();
    if (push) history.pushState(null, "", address(id));
  }

  function choose(row) {
    if ("compare" in table.dataset) location.assign(row.querySelector("a").href);
    else open(row.dataset.trace);
  }

  function compare(row) {
    const url = new URL(location.href);
    url.searchParams.delete("trace");
    url.searchParams.set("compare", row.dataset.trace);
    if ("compare" in table.dataset) choose(row);
    else location.assign(url);
  }

  function close({ push = true } = {}) {
    panel.hidden = true;
    panel.replaceChildren();
    split.classList.remove("open");
    const row = rows()[current()];
    mark(null);
    row?.querySelector("a")?.focus();
    if (push) history.pushState(null, "", address(null));
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const from = current();
    const row = all[Math.max(0, Math.min(all.length - 1, from < 0 ? 0 : from + step))];
    row.scrollIntoView({ block: "nearest" });
    row.querySelector("a").focus({ preventScroll: true });
    if (panel.hidden) mark(row.dataset.trace);
    else open(row.dataset.trace);
  }

  table?.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-trace]");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    choose(row);
  });
  panel.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-score]");
    if (!form) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    const answer = await fetch(form.action, { method: "POST", body: fields, headers: { accept: "application/json" } });
    if (answer.ok) await open(form.dataset.score, { push: false });
    else form.querySelector("textarea").setCustomValidity((await answer.json()).error.message);
    form.reportValidity();
    form.querySelector("textarea").setCustomValidity("");
  });
  panel.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step) move(Number(step.dataset.step));
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    close();
  });
  addEventListener("popstate", () => {
    const id = new URL(location.href).searchParams.get("trace");
    if (id) open(id, { push: false });
    else if (!panel.hidden) close({ push: false });
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, select, textarea")) return;
    if (panel.contains(event.target) && event.key.startsWith("Arrow")) return; // they scroll the panel
    const inList = event.target === document.body || table?.contains(event.target);
    if (event.key === "j" || event.key === "ArrowDown") move(1);
    else if (event.key === "k" || event.key === "ArrowUp") move(-1);
    else if (event.key === "Escape" && !panel.hidden) close();
    else if (event.key === "Enter" && inList && current() >= 0) choose(rows()[current()]);
    else if (event.key === "c" && current() >= 0) compare(rows()[current()]);
    else return;
    event.preventDefault();
  });
  startTail(table);
  markSearched();
}

function startTail(table) {
  const button = document.getElementById("live");
  if (!button || !table) return;
  let source = null;
  const body = table.tBodies[0];

  button.addEventListener("click", () => {
    if (source) {
      source.close();
      source = null;
    } else {
      source = new EventSource(button.dataset.live);
      source.addEventListener("open", () => button.setAttribute("data-following", ""));
      source.addEventListener("rows", (event) => {
        const holder = document.createElement("tbody");
        holder.innerHTML = event.data;
        const known = new Set([...body.rows].map((row) => row.dataset.trace));
        const fresh = [...holder.rows].filter((row) => !known.has(row.dataset.trace));
        for (const row of fresh) row.classList.add("fresh");
        body.prepend(...fresh);
        while (body.rows.length > MOST_ROWS) body.lastElementChild.remove();
        document.getElementById("no-traces")?.remove();
      });
    }
    button.setAttribute("aria-pressed", String(source !== null));
    if (!source) button.removeAttribute("data-following");
  });
}
