// Long messages show their beginning, and the rest when asked for.

const HIGH = 300;
const SPARE = 80; // what is hidden is worth a button

export function fold(root) {
  for (const said of root.querySelectorAll("[data-fold]:not(.folded)")) {
    if (said.scrollHeight < HIGH + SPARE) continue;
    said.classList.add("folded");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "unfold quiet";
    const all = `Show all ${said.textContent.length.toLocaleString("en")} characters`;
    button.textContent = all;
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const open = said.classList.toggle("unfolded");
      button.textContent = open ? "Show less" : all;
      button.setAttribute("aria-expanded", String(open));
    });
    said.after(button);
  }
}
