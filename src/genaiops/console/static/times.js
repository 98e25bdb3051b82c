// Times are UTC. Whoever points at one sees it in their own zone, too, and how long ago it was.

const UNITS = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });

function ago(ms) {
  const seconds = Math.round((ms - Date.now()) / 1000);
  const [size, unit] = UNITS.find(([least]) => Math.abs(seconds) >= least) ?? UNITS.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

function explain(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.valueOf())) return;
  time.dataset.utc ??= time.title;
  const local = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  time.title = `${time.dataset.utc}\n${local}\n${ago(at.valueOf())}`;
}

export function startTimes() {
  document.addEventListener("pointerover", (event) => {
    const time = event.target.closest?.("time[datetime]");
    if (time) explain(time);
  });
}
