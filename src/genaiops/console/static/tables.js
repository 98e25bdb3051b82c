// Tables that are whole on their page: a click on a head sorts, and long ones can be narrowed to what holds a word
// (`data-sort="only"`: not, for the page has a search).

const LONG = 12;
const FIGURE = /^([+-]?[\d,]*\.?\d+)\s*([a-zA-Zµ%]*)/;
const TIMES = { ms: 1, s: 1e3, min: 6e4, h: 3.6e6 };
const SIZES = { k: 1e3, K: 1e3, M: 1e6, B: 1e9, kB: 1e3, MB: 1e6, GB: 1e9, mWh: 1e-3, Wh: 1, kWh: 1e3, MWh: 1e6 };

// What a cell is sorted by: its time, its figure in one unit, else its text. Unknown comes last, whichever way.
function worth(cell) {
  const time = cell?.querySelector("time");
  if (time) return Date.parse(time.dateTime);
  const text = cell?.textContent.trim() ?? "";
  if (!text || text === "–" || text.startsWith("unknown")) return null;
  const found = cell.classList.contains("n") ? FIGURE.exec(text) : null;
  if (!found) return text.toLowerCase();
  return Number(found[1].replaceAll(",", "")) * (TIMES[found[2]] ?? SIZES[found[2]] ?? 1);
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), undefined, { numeric: true });
}

function sort(table, head) {
  const place = head.cellIndex;
  const figures = head.classList.contains("n");
  const before = head.getAttribute("aria-sort");
  const falling = before ? before === "ascending" : figures;
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows].map((row) => [worth(row.cells[place]), row]);
  const known = rows.filter(([value]) => value !== null).sort(([one], [other]) => compare(one, other));
  if (falling) known.reverse();
  table.tBodies[0].append(...known.map(([, row]) => row), ...rows.filter(([value]) => value === null).map(([, row]) => row));
}

function sortable(table) {
  for (const head of table.tHead?.rows[0].cells ?? []) {
    if (!head.textContent.trim() || head.querySelector("a, button, .hidden")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sorter";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, head));
  }
}

function narrowed(table) {
  const rows = [...table.tBodies[0].rows];
  const input = document.createElement("input");
  input.type = "search";
  input.className = "narrow";
  input.placeholder = "Narrow these rows";
  input.setAttribute("aria-label", "Narrow these rows");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
  (table.closest(".wide") ?? table).before(input);
}

export function startTables() {
  for (const table of document.querySelectorAll("table[data-sort]")) {
    if (!table.tBodies[0] || table.tBodies[0].rows.length < 2) continue;
    sortable(table);
    if (table.dataset.sort !== "only" && table.tBodies[0].rows.length > LONG) narrowed(table);
  }
}
