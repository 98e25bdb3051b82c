// Labelling by keyboard: a marked key chooses, Enter saves, s skips, u undoes. The next item is fetched while this one is
// looked at, so that it is there at once.

const desk = document.querySelector(".labelling");
const work = document.getElementById("work");
let began = performance.now();
let ready = null; // the fragment of the next item, as a promise

const form = () => work.querySelector(".label-form");
const place = () => work.querySelector("[data-item]")?.dataset.item;

function ahead() {
  ready = null;
  if (!place()) return;
  ready = fetch(`/queues/${desk.dataset.queue}/ahead/${place()}`)
    .then((answer) => (answer.status === 200 ? answer.text() : null))
    .catch(() => null);
}

function wrong(text) {
  const line = form().querySelector("[data-wrong]");
  line.textContent = text;
  line.hidden = false;
}

async function send(verb) {
  const sent = form();
  if (sent.dataset.busy || (verb === "label" && !sent.reportValidity())) return;
  sent.dataset.busy = "yes";
  sent.elements.seconds.value = ((performance.now() - began) / 1000).toFixed(1);
  const body = new URLSearchParams(new FormData(sent));
  body.set("verb", verb);
  body.set("script", "yes");
  const done = place();
  try {
    const answer = await fetch(sent.action, { method: "POST", body });
    if (!answer.ok) throw new Error((await answer.json()).error?.message ?? "That failed.");
  } catch (error) {
    delete sent.dataset.busy;
    wrong(error.message);
    return;
  }
  if (verb === "label") {
    const mine = desk.querySelector("[data-mine]");
    mine.textContent = String(Number(mine.textContent) + 1);
  }
  const next = await ready;
  if (next === null) {
    location.assign(`/queues/${desk.dataset.queue}?last=${done}`);
    return;
  }
  work.innerHTML = next;
  const undo = desk.querySelector(".undo-form");
  undo.hidden = false;
  undo.elements.place.value = done;
  undo.querySelector("[data-last]").textContent = done;
  began = performance.now();
  work.querySelector("[data-item]").scrollIntoView({ block: "nearest" });
  ahead();
}

function correct() {
  const text = form().querySelector("[data-correction]");
  if (!text) return;
  if (!text.value) text.value = work.querySelector("#answer-1")?.textContent ?? "";
  text.focus();
}

function choose(key) {
  const option = form().querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!option) return false;
  option.checked = true;
  if (work.querySelector("[data-quick]")) send("label");
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !form()) return;
  const writing = event.target.closest("textarea, select, dialog, input:not([type=radio])");
  if (event.key === "Enter" && !event.target.closest("textarea, dialog, button, a, summary")) send("label");
  else if (writing) return;
  else if (event.key === "s") send("skip");
  else if (event.key === "e") correct();
  else if (event.key === "u" && !desk.querySelector(".undo-form").hidden) desk.querySelector(".undo-form").requestSubmit();
  else if (!choose(event.key)) return;
  event.preventDefault();
});

work?.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.submitter?.value ?? "label");
});
ahead();
