// What every page has: theme, command palette, copying, the environment switch; the list of traces on its page.
import { startFaults } from "./faults.js";
import { fold } from "./fold.js";
import { startKeys } from "./keys.js";
import { startPalette } from "./palette.js";
import { startTables } from "./tables.js";
import { startTimes } from "./times.js";
import { startTraces } from "./traces.js";

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function startTheme() {
  document.getElementById("theme")?.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("genaiops-theme", theme);
    } catch {
      // it counts for this page
    }
    document.dispatchEvent(new CustomEvent("theme"));
  });
}

function copied(button) {
  const place = button.dataset.copy;
  if (place === "next") return button.nextElementSibling;
  if (place === "previous") return button.previousElementSibling;
  if (place === "said") return button.closest(".turn").querySelector(".said:not(details .said)");
  return document.querySelector(place);
}

async function copy(button) {
  const source = copied(button);
  const text = button.dataset.text ?? source.textContent;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = before), 2000);
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
}

function onClick(event) {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  for (const open of document.querySelectorAll("details.ask[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
}

function onEscape(event) {
  const open = document.querySelector("details.ask[open]");
  if (event.key !== "Escape" || !open) return;
  open.open = false;
  open.querySelector("summary").focus();
}

startTheme();
startPalette();
startKeys();
startTables();
startTimes();
startTraces();
startFaults();
fold(document);
document.addEventListener("click", onClick);
document.addEventListener("keydown", onEscape);
for (const form of document.querySelectorAll("[data-submit-on-change]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
