"use strict";

(() => {
  const KEY = "millrace.key";
  const EVERY = 5000; // milliseconds between readings
  const $ = id => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  let timer = 0;

  const usd = nano => nano === null ? "–" : (nano / 1e9).toLocaleString("en", {style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: Math.abs(nano) < 1e7 ? 6 : 4});
  const count = value => value >= 1e4 ? value.toLocaleString("en", {notation: "compact", maximumFractionDigits: 1}) : value.toLocaleString("en");
  const perMillion = value => value === null ? "–" : value.toLocaleString("en", {maximumFractionDigits: 4});
  const percent = share => (share * 100).toFixed(1) + " %";
  const time = millis => new Date(millis).toLocaleString();

  function element(tag, text, className) {
    const node = document.createElement(tag);
    if (text !== undefined) { node.textContent = text; }
    if (className) { node.className = className; }
    return node;
  }

  function shape(tag, attributes, text) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) { node.setAttribute(name, value); }
    if (text !== undefined) { node.textContent = text; }
    return node;
  }

  function table(id, headings, rows, opened) {
    const head = element("tr");
    head.append(...headings.map(text => element("th", text)));
    const body = element("tbody");
    for (const row of rows) {
      const line = element("tr");
      for (const cell of row.cells) {
        line.append(Array.isArray(cell) ? element("td", cell[0], cell[1]) : element("td", cell));
      }
      if (opened) {
        line.className = "open";
        line.tabIndex = 0;
        line.addEventListener("click", () => opened(row.of));
        line.addEventListener("keydown", event => {
          if (event.key === "Enter") {
            event.preventDefault(); // or the same key would press the dialog's button
            opened(row.of);
          }
        });
      }
      body.append(line);
    }
    if (rows.length === 0) {
      const line = element("tr");
      line.append(element("td", "nothing in this window"));
      body.append(line);
    }
    const top = element("thead");
    top.append(head);
    $(id).replaceChildren(top, body);
  }

  function tiles(data) {
    const all = data.all;
    const bill = Object.values(data.bill_nano_usd).reduce((sum, value) => sum + value, 0);
    const seconds = (data.now_ms - Math.max(data.from_ms, data.began_ms)) / 1000;
    const tokens = all.prompt_tokens + all.completion_tokens;
    const best = data.elsewhere.filter(host => host.saved_nano_usd !== null)
      .sort((a, b) => a.nano_usd - b.nano_usd)[0];
    const list = [
      [usd(all.allocation_nano_usd), "of the bill, idle time included"],
      [usd(all.usage_nano_usd), "used by requests"],
      [bill ? percent((data.bill_nano_usd.requests || 0) / bill) : "–", "of the whole bill was work"],
      [count(all.requests), "requests"],
      [(seconds > 0 ? tokens / seconds : 0).toFixed(1), "tokens per second, all hours"],
      [all.prompt_tokens ? percent(all.cached_tokens / all.prompt_tokens) : "–", "of prompts cached" + (data.cached_saving_usd ? ", saved " + usd(data.cached_saving_usd * 1e9) : "")],
      [all.joules_per_token === null ? "–" : all.joules_per_token.toFixed(2), "joules per token"],
      [best ? usd(best.saved_nano_usd) : "–", best ? (best.saved_nano_usd < 0 ? "lost" : "saved") + " against " + best.provider : "no hosted price compares"],
    ];
    $("tiles").replaceChildren(...list.map(([value, label]) => {
      const tile = element("div", undefined, "tile");
      tile.append(element("b", value), element("span", label));
      return tile;
    }));
  }

  function overTime(data) {
    const width = 1000, height = 190, low = 160, left = 8;
    const most = Math.max(1, ...data.bars.map(bar => bar.usage_nano_usd));
    const tokens = data.bars.map(bar => bar.prompt_tokens + bar.completion_tokens);
    const mostTokens = Math.max(1, ...tokens);
    const step = (width - 2 * left) / data.bars.length;
    const svg = shape("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Spending over time"});
    svg.append(shape("line", {x1: left, x2: width - left, y1: low, y2: low, class: "axis"}));
    let path = "";
    data.bars.forEach((bar, i) => {
      const high = bar.usage_nano_usd / most * (low - 30);
      const rect = shape("rect", {x: left + i * step + 1, y: low - high, width: step - 2, height: high, class: "used"});
      rect.append(shape("title", {}, `${time(bar.from_ms)}: ${usd(bar.usage_nano_usd)}, ${count(bar.requests)} requests, ${count(tokens[i])} tokens`));
      svg.append(rect);
      path += (i ? "L" : "M") + (left + (i + .5) * step).toFixed(1) + " " + (low - tokens[i] / mostTokens * (low - 30)).toFixed(1);
    });
    svg.append(shape("path", {d: path, class: "tokens"}));
    svg.append(shape("text", {x: left, y: 12}, `bars: up to ${usd(most)} used; line: up to ${count(mostTokens)} tokens`));
    svg.append(shape("text", {x: left, y: height - 8}, time(data.from_ms)));
    svg.append(shape("text", {x: width - left, y: height - 8, "text-anchor": "end"}, time(data.now_ms)));
    $("time").replaceChildren(svg);
  }

  function bill(data) {
    const lines = Object.entries(data.bill_nano_usd).filter(([, nano]) => nano > 0).sort((a, b) => b[1] - a[1]);
    const sum = lines.reduce((total, [, nano]) => total + nano, 0) || 1;
    const svg = shape("svg", {viewBox: "0 0 1000 66", role: "img", "aria-label": "Lines of the bill"});
    let across = 0;
    lines.slice(0, 5).forEach(([name, nano], i) => {
      const width = nano / sum * 1000;
      const rect = shape("rect", {x: across, y: 0, width: Math.max(1, width - 1), height: 30, class: "l" + i});
      rect.append(shape("title", {}, `${name}: ${usd(nano)}, ${percent(nano / sum)}`));
      svg.append(rect, shape("rect", {x: i * 200, y: 44, width: 12, height: 12, class: "l" + i}),
        shape("text", {x: i * 200 + 18, y: 54}, `${name} ${usd(nano)} (${percent(nano / sum)})`));
      across += width;
    });
    $("bill").replaceChildren(svg);
  }

  function group(id, name, list, prices) {
    table(id, [name, "requests", "tokens", "used", "of bill", ...(prices ? ["$/M in", "$/M out", "J/token"] : [])], list.sort((a, b) => b.usage_nano_usd - a.usage_nano_usd).slice(0, 20).map(one => ({cells: [one.name, count(one.requests),
      count(one.prompt_tokens + one.completion_tokens), usd(one.usage_nano_usd), usd(one.allocation_nano_usd),
      ...(prices ? [perMillion(one.input_usd_per_million), perMillion(one.output_usd_per_million),
        perMillion(one.joules_per_token)] : [])]})));
  }

  function detail(request) {
    const facts = [];
    const labels = {began_ms: time, finished_ms: time, usage_nano_usd: usd, allocation_nano_usd: usd, tags: value => Object.entries(value).map(([tag, text]) => `${tag}: ${text}`).join(", ") || "–", prefill_ms: value => value.toFixed(3) + " ms", decode_ms: value => value.toFixed(3) + " ms"};
    for (const [name, value] of Object.entries(request)) {
      facts.push(element("dt", name.replace(/_(ms|nano_usd)$/, "").replaceAll("_", " ")),
        element("dd", value === null ? "–" : labels[name] ? labels[name](value) : String(value)));
    }
    $("facts").replaceChildren(...facts);
    $("detail").showModal();
  }

  function show(data) {
    tiles(data);
    overTime(data);
    bill(data);
    table("elsewhere", ["host", "for", "weights", "there", "here, of the bill", "saved", "as of"],
      data.elsewhere.map(host => ({cells: [host.provider + " " + host.hosted_model, host.model,
        host.same_weights ? "the same" : "nearest model", usd(host.nano_usd),
        host.saved_nano_usd === null ? "–" : usd(host.nano_usd - host.saved_nano_usd),
        [usd(host.saved_nano_usd), host.saved_nano_usd < 0 ? "bad" : "good"], host.as_of]})));
    group("models", "model", data.models, true);
    group("tenants", "team", data.tenants);
    group("keys", "key", data.keys);
    group("projects", "project", data.projects);
    group("sessions", "session", data.sessions);
    table("recent", ["finished", "model", "team", "prompt", "cached", "completion", "used", "of bill", "end"],
      data.recent.map(one => ({of: one, cells: [time(one.finished_ms), one.model, one.tenant,
        count(one.prompt_tokens), count(one.cached_tokens), count(one.completion_tokens),
        usd(one.usage_nano_usd), usd(one.allocation_nano_usd), one.finish_reason]})), detail);
    $("state").textContent = `${data.usd_per_hour.toFixed(4)} USD/h${data.assumed ? " (assumed)" : ""}; `
      + (data.balances ? "the books balance to the nano-dollar" : "THE BOOKS DO NOT BALANCE") + `; ${time(data.now_ms)}`;
    document.querySelector("main").hidden = false;
    $("ask").hidden = true;
  }

  /** Spent, and set aside beside it, of the limit; a line where the forecast is. */
  function gauge(one, limit) {
    const most = Math.max(limit, one.forecast_nano_usd, one.spent_nano_usd + one.set_aside_nano_usd, 1);
    const at = nano => nano / most * 200;
    const svg = shape("svg", {viewBox: "0 0 200 14", role: "img", class: "gauge", "aria-label": `${usd(one.spent_nano_usd)} of ${usd(limit)} spent`});
    svg.append(shape("rect", {x: 0, y: 3, width: at(limit), height: 8, class: "limit"}),
      shape("rect", {x: 0, y: 3, width: at(one.spent_nano_usd), height: 8, class: one.spent_nano_usd >= limit ? "over" : "used"}),
      shape("rect", {x: at(one.spent_nano_usd), y: 3, width: at(one.set_aside_nano_usd), height: 8, class: "aside"}),
      shape("line", {x1: at(one.forecast_nano_usd), x2: at(one.forecast_nano_usd), y1: 0, y2: 14, class: "tokens"}));
    svg.append(shape("title", {}, `spent ${usd(one.spent_nano_usd)}, set aside ${usd(one.set_aside_nano_usd)}, forecast ${usd(one.forecast_nano_usd)} of ${usd(limit)}`));
    return svg;
  }

  function budgets(list) {
    $("budgetsection").hidden = list.length === 0;
    table("budgets", ["budget", "", "spent", "set aside", "hard", "soft", "left", "per hour", "forecast", "resets"],
      list.map(one => ({cells: [`${one.scope} ${one.name}, per ${one.period}`.replace(" ,", ","), "", [usd(one.spent_nano_usd), one.warns ? "bad" : ""],
        usd(one.set_aside_nano_usd), usd(one.hard_nano_usd), usd(one.soft_nano_usd), usd(one.left_nano_usd), usd(one.burn_nano_usd_per_hour),
        [usd(one.forecast_nano_usd), one.hard_nano_usd !== null && one.forecast_nano_usd > one.hard_nano_usd ? "bad" : ""], time(Date.parse(one.resets_at))]})));
    list.forEach((one, i) => $("budgets").tBodies[0].rows[i].cells[1].append(
      gauge(one, one.hard_nano_usd === null ? one.soft_nano_usd : one.hard_nano_usd)));
  }

  async function load() {
    clearTimeout(timer);
    const key = sessionStorage.getItem(KEY);
    try {
      const asking = {headers: key ? {Authorization: "Bearer " + key} : {}};
      const response = await fetch("/v1/cost/overview?window=" + $("window").value, asking);
      if (response.status === 401 || response.status === 403) {
        $("ask").hidden = false;
        $("state").textContent = "Costs are for admins: an API key with that role is needed.";
        return;
      }
      if (!response.ok) { throw new Error("the server answered " + response.status); }
      show(await response.json());
      const standing = await fetch("/v1/budgets", asking);
      if (!standing.ok) { throw new Error("the server answered " + standing.status + " to a question for budgets"); }
      budgets((await standing.json()).data);
    } catch (problem) {
      $("state").textContent = "Cannot reach the server: " + problem.message;
    }
    timer = setTimeout(load, EVERY);
  }

  $("window").addEventListener("change", load);
  $("ask").addEventListener("submit", event => {
    event.preventDefault();
    sessionStorage.setItem(KEY, $("key").value.trim());
    $("key").value = "";
    load();
  });
  load();
})();
