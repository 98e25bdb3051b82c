// Verdicts by keyboard: j and k go from one to the next, r and f mark the one in focus, Enter opens its trace.

// In the order in which they stand: a click on a head sorts them.
const found = () => [...document.querySelectorAll("[data-verdict]")];

function focused(rows) {
  return rows.indexOf(document.activeElement?.closest("[data-verdict]"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const rows = found();
  const at = focused(rows);
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (step && (at >= 0 || event.key.length === 1)) rows[Math.max(0, Math.min(rows.length - 1, at + (at < 0 ? 1 : step)))]?.focus();
  else if (at >= 0 && (event.key === "r" || event.key === "f")) rows[at].querySelector(`[data-mark=${event.key}]`)?.click();
  else if (at >= 0 && event.key === "n") {
    const note = rows[at].querySelector(".note");
    if (!note) return;
    note.open = true;
    note.querySelector("textarea").focus();
  } else if (at >= 0 && event.key === "Enter" && event.target === rows[at]) rows[at].querySelector("a").click();
  else return;
  event.preventDefault();
});

// After a mark the page comes anew; the row that was marked has the focus again, so that j goes on from there.
const marked = location.hash.startsWith("#v-") && document.getElementById(location.hash.slice(1));
if (marked) marked.focus();
