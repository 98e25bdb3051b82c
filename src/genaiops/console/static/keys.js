// Keys that every page has: `?` lists them, `g` and a letter go to a page, `/` goes to the search.

const WAIT = 1500;

function typing(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, [contenteditable]");
}

export function startKeys() {
  const help = document.getElementById("help");
  const jumps = new Map([...document.querySelectorAll("[data-jump]")].map((link) => [link.dataset.jump, link]));
  let since = -Infinity; // when `g` was pressed

  document.getElementById("help-open").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => {
    if (event.target === help) help.close();
  });
  document.addEventListener("keydown", (event) => {
    if (typing(event) || (document.querySelector("dialog[open]") && event.key !== "?")) return;
    const going = event.timeStamp - since < WAIT;
    since = -Infinity;
    if (going && jumps.has(event.key)) location.assign(jumps.get(event.key).href);
    else if (event.key === "g") since = event.timeStamp;
    else if (event.key === "?") help.open ? help.close() : help.showModal();
    else if (event.key === "/") (document.querySelector("main input[type=search]") ?? document.getElementById("palette-open")).focus();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
}
