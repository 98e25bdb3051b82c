// Says what is wrong with a guard policy while it is being written, with lines; without scripts the button Check does.

const PAUSE_MS = 400;
const editor = document.getElementById("editor");
const text = editor?.elements.text;
const faults = document.getElementById("faults");
let waiting = 0;
let asked = 0;

function select(line) {
  const lines = text.value.split("\n");
  const from = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  text.focus();
  text.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
}

function item(fault) {
  const row = document.createElement("li");
  row.className = "bad";
  if (fault.line !== null) {
    const go = document.createElement("button");
    go.type = "button";
    go.textContent = `line ${fault.line}`;
    go.addEventListener("click", () => select(fault.line));
    row.append(go, " ");
  }
  if (fault.path) {
    const path = document.createElement("code");
    path.textContent = fault.path;
    row.append(path, ": ");
  }
  row.append(`${fault.message} ${fault.remedy}`);
  return row;
}

function say(found) {
  const list = document.createElement(found.length ? "ul" : "p");
  list.className = found.length ? "plain faults" : "hint";
  list.append(...(found.length ? found.map(item) : ["Nothing is wrong with it."]));
  faults.replaceChildren(list);
  text.setAttribute("aria-invalid", found.length ? "true" : "false");
}

async function check() {
  const mine = ++asked;
  const answer = await fetch("/api/guards/check", {
    method: "POST",
    headers: { "content-type": "application/json", "x-genaiops-csrf": editor.dataset.csrf },
    body: JSON.stringify({ text: text.value }),
  });
  if (answer.ok && mine === asked) say((await answer.json()).faults);
}

text?.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => void check().catch(() => {}), PAUSE_MS);
});
