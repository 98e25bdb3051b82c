// A streamed call through the public model API, with a key that the control process made for these minutes.

const ask = document.getElementById("ask");
const talk = document.getElementById("talk");
const figures = document.getElementById("figures");
const send = document.getElementById("send");
const stop = document.getElementById("stop");
const RENEW_MS = 60_000;

let key = null;
let running = null;
let turns = [];

function show(name, text) {
  figures.querySelector(`[data-figure="${name}"]`).replaceChildren(text);
}

function say(role, direction, text) {
  document.getElementById("talk-empty")?.remove();
  const turn = document.createElement("div");
  turn.className = `turn ${direction}`;
  const head = document.createElement("h4");
  head.textContent = role;
  const body = document.createElement("p");
  body.className = "said";
  body.textContent = text;
  turn.append(head, body);
  talk.append(turn);
  return body;
}

async function keyForCalls() {
  if (key && key.expires_us / 1000 - Date.now() > RENEW_MS) return key.key;
  const answer = await fetch(ask.dataset.key, {
    method: "POST",
    headers: { "x-csrf-token": ask.dataset.csrf, accept: "application/json" },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  key = body;
  return key.key;
}

function request(fields) {
  const messages = [];
  const system = fields.get("system").trim();
  if (system) messages.push({ role: "system", content: system });
  messages.push(...turns, { role: "user", content: fields.get("user") });
  const body = { model: fields.get("model"), messages, stream: true, stream_options: { include_usage: true } };
  if (fields.get("temperature")) body.temperature = Number(fields.get("temperature"));
  if (fields.get("max_tokens")) body.max_tokens = Number(fields.get("max_tokens"));
  return body;
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice(5).trim() : "";
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

async function call(fields, place) {
  const began = performance.now();
  const answer = await fetch("/v1/chat/completions", {
    method: "POST",
    credentials: "omit",
    headers: { authorization: `Bearer ${await keyForCalls()}`, "content-type": "application/json" },
    body: JSON.stringify(request(fields)),
    signal: running.signal,
  });
  const trace = answer.headers.get("traceparent")?.split("-")[1];
  if (trace) linkTrace(trace);
  if (!answer.ok) throw new Error((await answer.json()).error.message);
  for await (const event of events(answer.body)) {
    if (event.error) throw new Error(event.error.message);
    const piece = event.choices?.[0]?.delta?.content;
    if (piece) {
      if (!place.textContent) show("first", `${Math.round(performance.now() - began)} ms`);
      place.textContent += piece;
    }
    if (event.usage) {
      show("input", `${event.usage.prompt_tokens} tokens`);
      show("output", `${event.usage.completion_tokens} tokens`);
    }
  }
  show("took", `${Math.round(performance.now() - began)} ms`);
  return trace;
}

function linkTrace(trace) {
  const link = document.createElement("a");
  link.href = `/traces/${trace}`;
  link.textContent = trace.slice(0, 12);
  show("trace", link);
}

async function price(trace) {
  for (let look = 0; look < 12; look += 1) {
    await new Promise((done) => setTimeout(done, 500));
    const answer = await fetch(`/traces/${trace}/json`, { headers: { accept: "application/json" } });
    if (!answer.ok) continue;
    const { cost, usage } = await answer.json();
    show("cost", cost.known ? `${cost.amount} ${cost.currency}` : "unknown");
    show("input", `${usage.input_tokens} tokens`);
    show("output", `${usage.output_tokens} tokens${usage.estimated ? " (estimated)" : ""}`);
    return;
  }
  show("cost", "see the trace");
}

async function submit(event) {
  event.preventDefault();
  if (running) return;
  const fields = new FormData(ask);
  running = new AbortController();
  send.disabled = true;
  stop.disabled = false;
  figures.hidden = false;
  for (const name of ["first", "took", "input", "output", "cost", "trace"]) show(name, "–");
  say("user", "input", fields.get("user"));
  const place = say("assistant", "output", "");
  let trace = null;
  try {
    trace = await call(fields, place);
    turns.push({ role: "user", content: fields.get("user") }, { role: "assistant", content: place.textContent });
    ask.elements.user.value = "";
  } catch (error) {
    const stopped = error.name === "AbortError";
    say(stopped ? "stopped" : "error", "input", stopped ? "The call was cancelled; what came counts." : error.message);
    if (!place.textContent) place.parentElement.remove();
  } finally {
    running = null;
    send.disabled = false;
    stop.disabled = true;
  }
  if (trace) await price(trace);
}

ask?.addEventListener("submit", submit);
ask?.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") ask.requestSubmit();
});
stop?.addEventListener("click", () => running?.abort());
document.getElementById("clear")?.addEventListener("click", () => {
  turns = [];
  talk.replaceChildren();
  figures.hidden = true;
});
