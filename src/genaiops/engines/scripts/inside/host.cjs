// Functions of a suite in JavaScript, called one after the other, as host.py does it.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");
const readline = require("node:readline");

const writes = Number(process.argv[2]);
const near = createRequire(path.join(process.cwd(), "suite.cjs"));
const shim = new Proxy(process, {
  get: (real, name) => {
    if (name === "mainModule") return { require: near };
    const value = Reflect.get(real, name, real);
    return typeof value === "function" ? value.bind(real) : value;
  },
});
const made = new Map();

/** The body of a function: what is one line is an expression, and declarations may stand before it. */
function body(code) {
  if (code.includes("\n")) return code;
  const text = code.trim().replace(/;+\s*$/, "");
  if (!/^(const|let|var)\s/.test(text)) return `return ${text}`;
  const end = lastEnd(text);
  const rest = text.slice(end + 1).trim();
  return end >= 0 && rest ? `${text.slice(0, end + 1)} return ${rest}` : text;
}

function lastEnd(text) {
  let quote = "";
  let found = -1;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === "\\") at++;
    else if (quote) quote = sign === quote ? "" : quote;
    else if (`'"\``.includes(sign)) quote = sign;
    else if (sign === ";") found = at;
  }
  return found;
}

async function loaded(file) {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !/not defined in ES module scope/.test(String(error))) throw error;
    return require(file);
  }
}

async function functionOf(asked) {
  if (!asked.file) {
    const text = asked.takes[0] === "json" || asked.whole ? `return (${asked.code.trim()})` : body(asked.code);
    let whole;
    try {
      whole = new Function(...asked.takes, "process", text);
    } catch (error) {
      if (text.startsWith("return (")) whole = new Function(...asked.takes, "process", body(asked.code));
      else throw error;
    }
    return async (...given) => {
      const said = await whole(...given, shim);
      return typeof said === "function" && asked.takes[0] === "json" ? said(...given) : said;
    };
  }
  const module = await loaded(asked.file);
  const base = module.default ?? module;
  const named = asked.function;
  const found = named ? (module[named] ?? base[named]) : typeof base === "function" ? base : base.default;
  if (typeof found !== "function") {
    const there = Object.keys({ ...module, ...base }).join(", ") || "nothing";
    throw new Error(named ? `it exports no function ${named}; there is: ${there}` : `it exports no function; there is: ${there}`);
  }
  if (!asked.provider) return found;
  const one = new found(asked.provider);
  if (typeof one.callApi !== "function") throw new Error("its class has no method callApi");
  return (prompt, options, context) => one.callApi(prompt, context, options);
}

async function answered(line) {
  const asked = JSON.parse(line);
  const key = JSON.stringify([asked.file, asked.function, asked.code, asked.takes, asked.provider]);
  if (!made.has(key)) made.set(key, await functionOf(asked));
  if (asked.check) return null;
  const said = await made.get(key)(...asked.arguments);
  if (typeof said === "number" && !Number.isFinite(said)) throw new Error(`it returned ${said}`);
  return said === undefined ? null : said;
}

function why(error) {
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return said.slice(0, 2000);
}

function say(value) {
  let data = Buffer.from(`${JSON.stringify(value)}\n`);
  while (data.length) {
    try {
      data = data.subarray(fs.writeSync(writes, data));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

process.on("unhandledRejection", () => {});
(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      say({ value: await answered(line) });
    } catch (error) {
      say({ error: why(error) });
    }
  }
  process.exit(0);
})();
