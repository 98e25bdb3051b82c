// Draws the charts of a page with the theme's colours. The library is large, so it comes after everything else.
import "./vega.js";

const probe = document.body.appendChild(document.createElement("span"));
probe.hidden = true;
const TOKEN = /^token:([a-z0-9-]+)$/;

// A colour of the style is a pair, light and dark; only an element that has it as its colour tells which one holds.
function token(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function coloured(value) {
  if (Array.isArray(value)) return value.map(coloured);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each)]));
  }
  const match = typeof value === "string" ? TOKEN.exec(value) : null;
  return match ? token(match[1]) : value;
}

function look() {
  const font = getComputedStyle(document.documentElement).getPropertyValue("--sans").trim();
  const axis = {
    labelColor: token("soft"),
    titleColor: token("soft"),
    labelFont: font,
    titleFont: font,
    titleFontWeight: 400,
    gridColor: token("line"),
    domainColor: token("line"),
    tickColor: token("line"),
  };
  return {
    background: "transparent",
    view: { stroke: null },
    axis,
    axisX: { grid: false },
    axisY: { domain: false, ticks: false },
    legend: { labelColor: token("soft"), labelFont: font, padding: 0, offset: 4 },
  };
}

async function draw(place) {
  await window.vegaEmbed(place, coloured(JSON.parse(place.dataset.chart)), {
    config: look(),
    actions: false,
    ast: true,
    defaultStyle: false,
    renderer: "canvas",
    logLevel: 1, // errors only: that a chart has no values yet is no fault
    tooltip: { disableDefaultStyle: true },
  });
  place.dataset.drawn = "";
}

function drawAll() {
  for (const place of document.querySelectorAll("[data-chart]")) draw(place);
}

drawAll();
document.addEventListener("theme", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
