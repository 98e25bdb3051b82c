// Streamed calls through the public model API, in one column or two, with a key that the control process made for these
// minutes. What a column holds can be saved as a version of a prompt.

const ask = document.getElementById("ask");
const columns = document.getElementById("columns");
const send = document.getElementById("send");
const stop = document.getElementById("stop");
const RENEW_MS = 60_000;
const TEMPLATE = /\{\{/;

let key = null;
let keyOf = ""; // the application that the key is of
let running = null;

async function asked(place, fields = {}, options = {}) {
  const answer = await fetch(place, {
    headers: { "x-csrf-token": ask.dataset.csrf, accept: "application/json" },
    ...(options.get ? {} : { method: "POST", body: new URLSearchParams(fields) }),
    signal: options.signal,
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  return body;
}

async function keyForCalls() {
  const application = ask.elements.application?.value ?? "";
  if (!key || keyOf !== application || (await key).expires_us / 1000 - Date.now() <= RENEW_MS) {
    keyOf = application;
    key = asked(ask.dataset.key, application ? { application } : {});
  }
  try {
    return (await key).key;
  } catch (error) {
    key = null;
    throw error;
  }
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

class Column {
  constructor(element) {
    this.element = element;
    this.turns = [];
    this.trace = null;
    this.between = []; // messages of the prompt between its system text and its last user's
    this.field("prompt").addEventListener("change", () => this.load());
    this.one("[data-save]")?.addEventListener("click", () => this.save());
    this.one("[data-drop]").addEventListener("click", () => drop(this));
    this.field("name")?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
      event.preventDefault(); // or the form would be sent
      this.save();
    });
    element.addEventListener("input", showValues);
  }

  one(selector) {
    return this.element.querySelector(selector);
  }

  field(name) {
    return this.one(`[name="${name}"]`);
  }

  show(name, text) {
    this.one(`[data-figure="${name}"]`).replaceChildren(text);
  }

  say(role, direction, text) {
    this.one("[data-empty]")?.remove();
    const turn = document.createElement("div");
    turn.className = `turn ${direction}`;
    const head = document.createElement("h4");
    head.textContent = role;
    const body = document.createElement("p");
    body.className = "said";
    body.textContent = text;
    turn.append(head, body);
    this.one("[data-talk]").append(turn);
    return body;
  }

  async load() {
    const id = this.field("prompt").value;
    this.between = [];
    if (!id) return;
    try {
      const manifest = await asked(`/playground/prompt?${new URLSearchParams({ id })}`, {}, { get: true });
      this.fill(manifest);
    } catch (error) {
      this.say("error", "input", error.message);
    }
    showValues();
  }

  fill({ messages = [], parameters = {}, tools, response_format: format }) {
    const rest = [...messages];
    const system = rest[0]?.role === "system" && typeof rest[0].content === "string" ? rest.shift() : null;
    this.field("system").value = system?.content ?? "";
    const last = rest.at(-1)?.role === "user" && typeof rest.at(-1).content === "string" ? rest.pop() : null;
    if (last && !ask.elements.user.value.trim()) ask.elements.user.value = last.content;
    if (last && this.field("whole")) this.field("whole").checked = true;
    this.between = rest;
    const { temperature, max_tokens: most, ...further } = parameters;
    if (temperature !== undefined) this.field("temperature").value = temperature;
    if (most !== undefined) this.field("max_tokens").value = most;
    for (const [name, value] of Object.entries({ tools, response_format: format, parameters: further })) {
      const said = value && Object.keys(value).length > 0;
      this.field(name).value = said ? JSON.stringify(value, null, 1) : "";
      if (said) this.one(".further").open = true;
    }
    if (this.field("name")) this.field("name").value = nameOf(this.field("prompt").value);
  }

  // What a field of JSON holds, null when it is empty.
  json(name) {
    const text = this.field(name).value.trim();
    if (!text) return null;
    const label = this.field(name).closest("label").firstChild.textContent.trim();
    try {
      const found = JSON.parse(text);
      if (Array.isArray(found) === (name === "tools") && typeof found === "object" && found) return found;
    } catch (error) {
      throw new Error(`${label}: this is no JSON (${error.message}).`);
    }
    throw new Error(`${label}: write ${name === "tools" ? "a list, [...]" : "an object, {...}"}.`);
  }

  // Tools and answer format, where there are any.
  more() {
    const given = {};
    for (const name of ["tools", "response_format"]) {
      const found = this.json(name);
      if (found && Object.keys(found).length > 0) given[name] = found;
    }
    return given;
  }

  parameters() {
    const given = { ...this.json("parameters") };
    for (const name of ["temperature", "max_tokens"]) {
      if (this.field(name).value) given[name] = Number(this.field(name).value);
    }
    return given;
  }

  templates(user) {
    const system = this.field("system").value.trim();
    const messages = system ? [{ role: "system", content: system }, ...this.between] : [...this.between];
    return user === null ? messages : [...messages, { role: "user", content: user }];
  }

  async request(user) {
    let messages = this.templates(user);
    if (TEMPLATE.test(JSON.stringify(messages))) {
      const fields = {
        manifest: JSON.stringify({ messages }),
        variables: ask.elements.variables.value,
        prompt: this.field("prompt").value,
      };
      ({ messages } = await asked("/playground/render", fields, { signal: running.signal }));
    }
    const last = messages.pop();
    const model = this.field("model").value;
    const settings = { stream: true, stream_options: { include_usage: true } };
    const body = { ...this.more(), ...this.parameters(), model, messages: [...messages, ...this.turns, last], ...settings };
    return { body, last };
  }

  async call(body, place) {
    const began = performance.now();
    const answer = await fetch("/v1/chat/completions", {
      method: "POST",
      credentials: "omit",
      headers: { authorization: `Bearer ${await keyForCalls()}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: running.signal,
    });
    this.trace = answer.headers.get("traceparent")?.split("-")[1] ?? null;
    if (this.trace) this.linkTrace();
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    const calls = [];
    for await (const event of events(answer.body)) {
      if (event.error) throw new Error(event.error.message);
      for (const { index = 0, function: said = {} } of event.choices?.[0]?.delta?.tool_calls ?? []) {
        calls[index] ??= { name: "", arguments: "" };
        calls[index].name += said.name ?? "";
        calls[index].arguments += said.arguments ?? "";
      }
      const piece = event.choices?.[0]?.delta?.content;
      if (piece) {
        if (!place.textContent) this.show("first", `${Math.round(performance.now() - began)} ms`);
        place.textContent += piece;
      }
      if (event.genaiops?.grounding) this.facts(event.genaiops.grounding, place);
      if (event.usage) {
        this.show("input", `${event.usage.prompt_tokens} tokens`);
        this.show("output", `${event.usage.completion_tokens} tokens`);
      }
    }
    this.show("took", `${Math.round(performance.now() - began)} ms`);
    for (const each of calls) this.say("calls", "output", `${each.name}(${each.arguments})`);
    return calls.length;
  }

  // Marks what sources support of an answer, where a guard rule tells. Places count characters, not UTF-16 units.
  facts(told, place) {
    const words = { supported: "supported", refuted: "contradicted", not_enough_evidence: "not found" };
    const text = Array.from(place.textContent);
    const own = told.citations.filter((each) => each.place === told.citations[0]?.place);
    const parts = [];
    let at = 0;
    for (const each of own) {
      if (text.slice(each.start, each.end).join("") !== each.text) return;
      const mark = document.createElement("mark");
      mark.className = `claim-${each.verdict}`;
      const source = each.source ? `, source ${each.source}: ${each.quote}` : "";
      mark.title = `${words[each.verdict]}, ${Math.round(each.probability * 100)} % likely supported${source}`;
      mark.textContent = each.text;
      parts.push(text.slice(at, each.start).join(""), mark);
      at = each.end;
    }
    place.replaceChildren(...parts, text.slice(at).join(""));
    const note = document.createElement("p");
    note.className = "hint";
    const good = told.sentences - told.unsupported;
    const sure = told.confidence === null ? "" : `; mean probability ${Math.round(told.confidence * 100)} %`;
    note.textContent = `${good} of ${told.sentences} claims supported by the sources${sure}`;
    place.parentElement.append(note);
  }

  linkTrace() {
    const link = document.createElement("a");
    link.href = `/traces/${this.trace}`;
    link.textContent = this.trace.slice(0, 12);
    this.show("trace", link);
  }

  // True when it was answered.
  async answer(user) {
    this.trace = null;
    this.one("[data-figures]").hidden = false;
    for (const name of ["first", "took", "input", "output", "cost", "trace"]) this.show(name, "–");
    let place = null;
    try {
      const { body, last } = await this.request(user);
      this.say("user", "input", last.content);
      place = this.say("assistant", "output", "");
      const calls = await this.call(body, place);
      if (calls && !place.textContent) place.parentElement.remove();
      // Nobody runs the tools here, so what was called is no part of a conversation that goes on.
      if (!calls) this.turns.push(last, { role: "assistant", content: place.textContent });
      return true;
    } catch (error) {
      const stopped = error.name === "AbortError";
      this.say(stopped ? "stopped" : "error", "input", stopped ? "The call was cancelled; what came counts." : error.message);
      if (place && !place.textContent) place.parentElement.remove();
      return false;
    }
  }

  async price() {
    for (let look = 0; this.trace && look < 12; look += 1) {
      await new Promise((done) => setTimeout(done, 500));
      const answer = await fetch(`/traces/${this.trace}/json`, { headers: { accept: "application/json" } });
      if (!answer.ok) continue;
      const { cost, usage } = await answer.json();
      this.show("cost", cost.known ? `${cost.amount} ${cost.currency}` : "unknown");
      this.show("input", `${usage.input_tokens} tokens`);
      this.show("output", `${usage.output_tokens} tokens${usage.estimated ? " (estimated)" : ""}`);
      return;
    }
    if (this.trace) this.show("cost", "see the trace");
  }

  async save() {
    const said = this.one("[data-saved]");
    const user = this.field("whole").checked ? ask.elements.user.value : null;
    const fields = { name: this.field("name").value, variables: ask.elements.variables.value };
    try {
      const written = { tools: this.json("tools") ?? [], response_format: this.json("response_format") };
      const model = this.field("model").value;
      const manifest = { messages: this.templates(user), parameters: this.parameters(), model, ...written };
      const prompt = this.field("prompt").value;
      const saved = await asked("/playground/save", { ...fields, prompt, manifest: JSON.stringify(manifest) });
      const link = document.createElement("a");
      link.href = saved.page;
      link.textContent = saved.text;
      said.replaceChildren("Saved as ", link);
    } catch (error) {
      said.textContent = error.message;
    }
  }

  clear() {
    this.turns = [];
    this.one("[data-talk]").replaceChildren();
    this.one("[data-figures]").hidden = true;
  }
}

function nameOf(id) {
  return id.replace(/^prompt\//, "").split("@")[0];
}

let shown = [];

function showValues() {
  const texts = [ask.elements.user.value, ...shown.flatMap((column) => column.templates(null).map((each) => each.content))];
  document.getElementById("values").hidden = !texts.some((text) => TEMPLATE.test(text ?? ""));
}

function arrange() {
  columns.classList.toggle("two", shown.length > 1);
  document.getElementById("beside").hidden = shown.length > 1;
  for (const [place, column] of shown.entries()) {
    column.element.setAttribute("aria-label", shown.length > 1 ? `Column ${place + 1}` : "Column");
    column.one("[data-drop]").hidden = shown.length < 2;
  }
  document.getElementById("compare").hidden = true;
}

function drop(column) {
  shown = shown.filter((each) => each !== column);
  column.element.remove();
  arrange();
}

function addBeside() {
  const piece = document.getElementById("column").content.firstElementChild.cloneNode(true);
  columns.append(piece);
  const column = new Column(piece);
  const first = shown[0];
  const copied = ["model", "prompt", "system", "temperature", "max_tokens", "tools", "response_format", "parameters"];
  for (const name of copied) column.field(name).value = first.field(name).value;
  column.between = first.between;
  shown.push(column);
  arrange();
  column.field("model").focus();
}

async function submit(event) {
  event.preventDefault();
  if (running) return;
  const user = ask.elements.user.value;
  running = new AbortController();
  send.disabled = true;
  stop.disabled = false;
  const asking = [...shown];
  const answered = await Promise.all(asking.map((column) => column.answer(user)));
  running = null;
  send.disabled = false;
  stop.disabled = true;
  if (answered.every(Boolean) && !TEMPLATE.test(user)) ask.elements.user.value = "";
  const link = document.getElementById("compare");
  link.hidden = asking.length < 2 || !asking.every((column) => column.trace);
  if (!link.hidden) link.href = `/compare?a=${asking[0].trace}&b=${asking[1].trace}`;
  await Promise.all(asking.map((column) => column.price()));
}

if (ask) {
  shown = [...columns.children].map((element) => new Column(element));
  for (const column of shown) column.load();
  arrange();
  ask.addEventListener("submit", submit);
  ask.addEventListener("input", showValues);
  ask.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") ask.requestSubmit();
  });
  stop.addEventListener("click", () => running?.abort());
  document.getElementById("beside").addEventListener("click", addBeside);
  document.getElementById("clear").addEventListener("click", () => {
    for (const column of shown) column.clear();
    document.getElementById("compare").hidden = true;
  });
}
