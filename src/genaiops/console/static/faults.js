// What was wrong in a form: said beside its field too, where the page shows exactly one of that name; there, or else at what
// is said, the keyboard goes on and a screen reader begins.

function beside(notice) {
  const name = notice.dataset.wrong;
  const fields = name ? document.querySelectorAll(`main form [name="${CSS.escape(name)}"]:not([type=hidden], button)`) : [];
  if (fields.length !== 1 || !fields[0].checkVisibility()) return null;
  const said = document.createElement("span");
  said.className = "bad";
  said.id = `fault-${name}`;
  said.textContent = notice.querySelector("p").textContent.trim();
  fields[0].after(said);
  fields[0].setAttribute("aria-invalid", "true");
  fields[0].setAttribute("aria-describedby", said.id);
  return fields[0];
}

export function startFaults() {
  const notice = document.querySelector("main > .notice.bad[role=alert]");
  const field = document.querySelector("main [aria-invalid=true]") ?? (notice && "wrong" in notice.dataset ? beside(notice) : null);
  const place = field ?? notice;
  if (!place) return;
  if (!field) place.tabIndex = -1;
  place.focus();
}
