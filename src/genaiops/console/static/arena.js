// A case after the other: j goes on, k back.

const WAYS = { j: "next", k: "prev" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  document.querySelector(`main a[rel=${WAYS[event.key] ?? "nothing"}]`)?.click();
});
