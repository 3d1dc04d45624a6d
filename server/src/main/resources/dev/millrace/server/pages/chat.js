"use strict";

(() => {
  const KEY = "millrace.key";
  const NEAR_END = 80; // pixels
  const $ = id => document.getElementById(id);

  // What was said: {role, content, reasoning, usage, seconds, stopped, node}.
  let messages = [];
  let running = null; // the AbortController of the answer that is being written
  let spent = nothing();

  function element(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  function button(text, action) {
    const node = element("button", {type: "button", textContent: text});
    node.addEventListener("click", action);
    return node;
  }

  // ---- talking to the server

  function headers() {
    const key = sessionStorage.getItem(KEY);
    return {"Content-Type": "application/json", ...(key ? {Authorization: "Bearer " + key} : {})};
  }

  class Refused extends Error {
    constructor(status, message) {
      super(message);
      this.status = status;
    }
  }

  async function call(path, options = {}) {
    const response = await fetch(path, {...options, headers: headers()});
    if (!response.ok) {
      let message = "the server answered " + response.status;
      try {
        message = (await response.json()).error.message;
      } catch {
        // Not the server's own words; the status will have to do.
      }
      throw new Refused(response.status, message);
    }
    return response;
  }

  async function* events(response) {
    const decoder = new TextDecoder();
    let rest = "";
    const reader = response.body.getReader();
    while (true) {
      const {done, value} = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, {stream: true});
      const parts = rest.split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        if (part.startsWith("data: ") && part !== "data: [DONE]") {
          yield JSON.parse(part.slice("data: ".length));
        }
      }
      if (done) {
        return;
      }
    }
  }

  // The key goes into a dialog of the page, so that it is never in an address or in the history.
  function askForKey(why) {
    $("ask-why").textContent = why;
    $("key").value = "";
    $("ask").returnValue = "";
    $("ask").showModal();
    return new Promise(resolve => $("ask").addEventListener("close", () => {
      if ($("ask").returnValue === "use" && $("key").value.trim()) {
        sessionStorage.setItem(KEY, $("key").value.trim());
        resolve(true);
      } else {
        resolve(false);
      }
      $("key").value = "";
      $("forget").hidden = sessionStorage.getItem(KEY) === null;
      $("text").focus();
    }, {once: true}));
  }

  async function loadModels() {
    try {
      const {data} = await (await call("v1/models")).json();
      const chosen = $("model").value;
      $("model").replaceChildren(...data.map(model => element("option", {textContent: model.id})));
      if (data.some(model => model.id === chosen)) {
        $("model").value = chosen;
      }
      $("model").disabled = data.length === 0;
      account(data.length === 0 ? "This server has no model for you." : "");
    } catch (e) {
      if (e instanceof Refused && e.status === 401 && await askForKey(reason(e))) {
        return loadModels();
      }
      account("Cannot list the models: " + e.message);
    }
  }

  function reason(refused) {
    return sessionStorage.getItem(KEY) === null
        ? "This server needs one. It is kept in this tab only."
        : "That one is not good here: " + refused.message + ".";
  }

  // What was said, in turns as templates want them: without answers that never came.
  function turns() {
    const turns = [];
    for (const {role, content} of messages.slice(0, -1).filter(message => message.content)) {
      if (turns.at(-1)?.role === role) {
        turns.at(-1).content += "\n\n" + content;
      } else {
        turns.push({role, content});
      }
    }
    return turns;
  }

  function request() {
    const system = $("system").value.trim();
    const body = {
      model: $("model").value,
      messages: [...(system ? [{role: "system", content: system}] : []), ...turns()],
      stream: true,
      stream_options: {include_usage: true},
    };
    if ($("temperature").value !== "") {
      body.temperature = Number($("temperature").value);
    }
    if ($("longest").value !== "") {
      body.max_completion_tokens = Number($("longest").value);
    }
    return JSON.stringify(body);
  }

  // Writes the answer to what was said so far.
  async function answer() {
    const message = {role: "assistant", content: "", reasoning: ""};
    messages.push(message);
    show(message);
    running = new AbortController();
    const {signal} = running;
    working(true);
    const began = performance.now();
    let first = null;
    try {
      const response = await call("v1/chat/completions", {method: "POST", body: request(), signal});
      for await (const chunk of events(response)) {
        if (chunk.error) {
          throw new Refused(200, chunk.error.message);
        }
        const delta = chunk.choices?.[0]?.delta ?? {};
        const thought = delta.reasoning_content ?? delta.reasoning ?? "";
        if (delta.content || thought) {
          first ??= performance.now();
          message.content += delta.content ?? "";
          message.reasoning += thought;
          refresh(message);
        }
        if (chunk.choices?.[0]?.finish_reason) {
          message.finish = chunk.choices[0].finish_reason;
          message.seconds = (performance.now() - (first ?? began)) / 1000;
        }
        if (chunk.usage) {
          message.usage = chunk.usage;
          pay(chunk.usage);
        }
      }
      message.first = first === null ? null : (first - began) / 1000;
    } catch (e) {
      await failed(message, e, signal);
    } finally {
      running = null;
      message.done = true;
      refresh(message);
      stick(() => {
        working(false);
        foots();
      });
    }
  }

  async function failed(message, e, signal) {
    if (signal.aborted) {
      message.stopped = true;
      spent.unknown ||= messages.includes(message); // the ledger knows, the page does not
      return;
    }
    message.failure = e instanceof Refused ? e.message : "The server cannot be reached: " + e.message;
    if (e instanceof Refused && e.status === 401 && await askForKey(reason(e))) {
      message.failure = "Now there is a key.";
    }
  }

  // ---- what it costs

  // elsewhere: what all of it would have cost by host, as far as every answer says so.
  function nothing() {
    return {nano: 0, tokens: 0, assumed: false, unknown: false, answers: 0, elsewhere: new Map()};
  }

  function pay(usage) {
    const details = usage.cost_details;
    spent.tokens += usage.total_tokens;
    if (details) {
      spent.nano += details.nano_usd;
      spent.assumed ||= details.assumed;
      for (const {provider, nano_usd} of details.elsewhere ?? []) {
        const before = spent.elsewhere.get(provider) ?? {nano: 0, answers: 0};
        spent.elsewhere.set(provider, {nano: before.nano + nano_usd, answers: before.answers + 1});
      }
      spent.answers++;
    } else {
      spent.unknown = true;
    }
  }

  function dollars(nano) {
    const usd = nano / 1e9;
    if (usd === 0) {
      return "$0";
    }
    const digits = Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(usd))));
    return "$" + usd.toFixed(digits);
  }

  function account(text) {
    $("account").textContent = text;
  }

  function elsewhere() {
    const hosts = [...spent.elsewhere].filter(([, sum]) => sum.answers === spent.answers)
        .sort(([, a], [, b]) => a.nano - b.nano);
    $("account").title = hosts.map(([name, sum]) => name + " " + dollars(sum.nano)).join("\n");
    return hosts.length === 0 ? "" : "; at " + hosts[0][0] + " " + dollars(hosts[0][1].nano);
  }

  function total() {
    if (spent.tokens === 0 && !spent.unknown) {
      return "";
    }
    return "This conversation: " + dollars(spent.nano) + (spent.unknown ? " and what was stopped" : "") + ", "
        + spent.tokens.toLocaleString("en") + " tokens" + (spent.assumed ? " (at an assumed rate)" : "") + elsewhere();
  }

  // ---- the conversation on the page

  function stick(change) {
    const log = $("log");
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    change();
    if (atEnd) {
      log.scrollTop = log.scrollHeight;
    }
  }

  function show(message) {
    $("empty").hidden = true;
    const mine = message.role === "user";
    message.body = element("div", {className: "body"});
    message.foot = element("div", {className: "foot"});
    message.node = element("article", {className: "message " + message.role},
        element("p", {className: "who", textContent: mine ? "You" : $("model").value}), message.body, message.foot);
    stick(() => $("log").append(message.node));
    $("log").scrollTop = $("log").scrollHeight;
    refresh(message);
  }

  // At most once per frame, however fast tokens come.
  function refresh(message) {
    if (!message.dirty) {
      message.dirty = true;
      requestAnimationFrame(() => {
        message.dirty = false;
        stick(() => draw(message));
      });
    }
  }

  function draw(message) {
    if (message.role === "user") {
      message.body.textContent = message.content;
      return;
    }
    const writing = !message.done;
    message.node.setAttribute("aria-busy", writing);
    const parts = [];
    if (message.reasoning) {
      const open = message.body.querySelector(".thought")?.open ?? false;
      parts.push(element("details", {className: "thought", open},
          element("summary", {textContent: writing && !message.content ? "Thinking..." : "Reasoning"}),
          element("div", {textContent: message.reasoning})));
    }
    parts.push(...markdown(message.content));
    if (writing) {
      parts.push(element("span", {className: "waiting"}));
    }
    if (message.failure) {
      const failure = element("div", {className: "failure"}, element("span", {textContent: message.failure}),
          button("Try again", again));
      failure.setAttribute("role", "alert");
      parts.push(failure);
    }
    const focused = message.body.contains(document.activeElement) ? document.activeElement.tagName : null;
    message.body.replaceChildren(...parts);
    if (focused) {
      message.body.querySelector(focused.toLowerCase())?.focus();
    }
  }

  function facts(message) {
    const facts = [];
    if (message.stopped) {
      facts.push("stopped");
    }
    if (message.finish === "length") {
      facts.push("cut off: the longest answer was reached");
    }
    const usage = message.usage;
    if (usage) {
      facts.push(usage.completion_tokens + (usage.completion_tokens === 1 ? " token" : " tokens"));
      if (usage.completion_tokens > 1 && message.seconds > 0) {
        facts.push(((usage.completion_tokens - 1) / message.seconds).toFixed(1) + " tokens/s");
      }
      if (message.first) {
        facts.push("first after " + message.first.toFixed(2) + " s");
      }
      if (usage.cost_details) {
        facts.push(dollars(usage.cost_details.nano_usd));
      }
    }
    return facts;
  }

  // What can be done with each message, now that none is being written.
  function foots() {
    messages.forEach((message, index) => {
      const last = index === messages.length - 1;
      const actions = message.role === "user"
          ? [button("Edit", () => edit(message))]
          : [button("Copy", event => copy(message, event.target)), ...(last ? [button("Regenerate", again)] : [])];
      message.foot.replaceChildren(...(message.role === "user" ? [] : facts(message))
          .map(text => element("span", {textContent: text})), ...actions);
    });
    account(total());
  }

  async function copy(message, source) {
    try {
      await navigator.clipboard.writeText(message.content);
      source.textContent = "Copied";
    } catch {
      source.textContent = "Cannot copy here";
    }
  }

  function working(on) {
    $("send").hidden = on;
    $("stop").hidden = !on;
    if (on) {
      messages.forEach(message => message.foot.replaceChildren());
      account("Writing... Esc stops.");
    }
  }

  // ---- what the user does

  function cut(index) {
    messages.splice(index).forEach(message => message.node.remove());
    $("empty").hidden = messages.length > 0;
  }

  async function say(text) {
    const message = {role: "user", content: text};
    messages.push(message);
    show(message);
    await answer();
  }

  async function again() {
    if (running === null && messages.length > 0) {
      if (messages.at(-1).role === "assistant") {
        cut(messages.length - 1);
      }
      $("text").focus();
      await answer();
    }
  }

  function edit(message) {
    if (running !== null) {
      return;
    }
    const input = element("textarea", {value: message.content, rows: Math.min(12, message.content.split("\n").length + 1)});
    input.setAttribute("aria-label", "Edit your message");
    const close = () => {
      draw(message);
      foots();
      $("text").focus();
    };
    const send = () => {
      const text = input.value.trim();
      if (text && running === null) {
        cut(messages.indexOf(message));
        $("text").focus();
        say(text);
      }
    };
    input.addEventListener("keydown", event => {
      if (isSend(event)) {
        event.preventDefault();
        send();
      } else if (event.key === "Escape") {
        event.stopPropagation();
        close();
      }
    });
    const cancel = button("Cancel", close);
    cancel.className = "quiet";
    message.body.replaceChildren(input, element("p", {className: "row"}, cancel, button("Send again", send)));
    message.foot.replaceChildren();
    input.focus();
  }

  function isSend(event) {
    return event.key === "Enter" && !event.shiftKey && !event.isComposing;
  }

  function grow() {
    $("text").style.height = "auto";
    $("text").style.height = $("text").scrollHeight + 2 + "px";
  }

  function fresh() {
    running?.abort();
    cut(0);
    spent = nothing();
    account("");
    $("text").focus();
  }

  $("composer").addEventListener("submit", event => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (text && running === null && $("model").value) {
      $("text").value = "";
      grow();
      say(text);
    }
  });
  $("text").addEventListener("input", grow);
  $("text").addEventListener("keydown", event => {
    if (isSend(event)) {
      event.preventDefault();
      $("composer").requestSubmit();
    } else if (event.key === "ArrowUp" && $("text").value === "") {
      const mine = messages.filter(message => message.role === "user").at(-1);
      if (mine) {
        event.preventDefault();
        edit(mine);
      }
    }
  });
  $("stop").addEventListener("click", () => running?.abort());
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && running !== null && !$("ask").open) {
      running.abort();
      $("text").focus();
    }
  });
  $("toggle").addEventListener("click", () => {
    const open = $("settings").hidden;
    $("settings").hidden = !open;
    $("toggle").setAttribute("aria-expanded", open);
    if (open) {
      $("system").focus();
    }
  });
  $("fresh").addEventListener("click", fresh);
  $("ask-save").value = "use";
  $("ask-cancel").addEventListener("click", () => $("ask").close("cancel"));
  $("forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEY);
    $("forget").hidden = true;
    loadModels();
  });
  $("forget").hidden = sessionStorage.getItem(KEY) === null;
  loadModels();
  $("text").focus();
})();
