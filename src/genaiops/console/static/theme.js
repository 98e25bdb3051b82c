// Runs before the first paint: the chosen theme, and the sign that scripts run.
document.documentElement.classList.add("js");
try {
  const theme = localStorage.getItem("genaiops-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // storage is refused: the system's theme counts
}
