// Ctrl/Cmd-K: go to a page, to a trace by its id, to whatever has that name, or search the traces.

const TRACE = /^[0-9a-f]{32}$/;

const WAIT = 150;

async function named(text) {
  const answer = await fetch(`/places?q=${encodeURIComponent(text)}`, { headers: { accept: "application/json" } });
  return answer.ok ? answer.json() : [];
}

function places(text, things) {
  const links = [
    ...document.querySelectorAll("[data-command]"),
    ...document.getElementById("commands").content.querySelectorAll("a"),
  ];
  const known = links.map((link) => ({ text: link.textContent.trim(), href: link.getAttribute("href") }));
  const wanted = text.trim();
  const found = known.filter((place) => place.text.toLowerCase().includes(wanted.toLowerCase()));
  found.push(...things);
  if (TRACE.test(wanted)) found.unshift({ text: `Trace ${wanted}`, href: `/traces/${wanted}` });
  else if (wanted) found.push({ text: `Search the traces for “${wanted}”`, href: `/traces?q=${encodeURIComponent(wanted)}` });
  return found;
}

function option(place, selected) {
  const link = document.createElement("a");
  link.href = place.href;
  link.textContent = place.text;
  link.tabIndex = -1;
  link.setAttribute("role", "option");
  link.setAttribute("aria-selected", String(selected));
  const item = document.createElement("li");
  item.setAttribute("role", "presentation");
  item.append(link);
  return item;
}

export function startPalette() {
  const dialog = document.getElementById("palette");
  const input = document.getElementById("palette-text");
  const list = document.getElementById("palette-list");
  let at = 0;
  let things = [];
  let waiting = 0;

  function look() {
    const text = input.value.trim();
    clearTimeout(waiting);
    if (text.length < 2) {
      things = [];
      return;
    }
    waiting = setTimeout(async () => {
      const found = await named(text);
      if (input.value.trim() !== text) return;
      things = found;
      show();
    }, WAIT);
  }

  function show() {
    const found = places(input.value, things);
    at = Math.max(0, Math.min(at, found.length - 1));
    list.replaceChildren(...found.map((place, index) => option(place, index === at)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function open() {
    input.value = "";
    things = [];
    at = 0;
    show();
    dialog.showModal();
    input.focus();
  }

  input.addEventListener("input", () => {
    at = 0;
    things = things.filter((each) => each.text.toLowerCase().includes(input.value.trim().toLowerCase()));
    show();
    look();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      at += event.key === "ArrowDown" ? 1 : -1;
      show();
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      list.children[at]?.querySelector("a").click();
    }
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.getElementById("palette-open").addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else open();
    }
  });
}
