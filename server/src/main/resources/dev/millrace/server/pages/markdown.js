"use strict";

// Markdown to DOM nodes. Nothing that a model writes is ever parsed as HTML: text becomes text nodes,
// links go to http, https and mailto only, images are links.
const markdown = (() => {
  const FENCE = /^ {0,3}(```+|~~~+)\s*([^`]*)$/;
  const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
  const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
  const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
  const QUOTE = /^ {0,3}> ?(.*)$/;
  const DIVIDER = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
  const INLINE = /(`+)([^`]|[^`][^]*?[^`])\1(?!`)|!?\[((?:[^\[\]\\]|\\.)*)\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+"[^"]*")?\s*\)|(\*\*|__)(?=\S)([^]*?\S)\5|(\*|_)(?=\S)([^]*?\S)\7(?!\w)|~~(?=\S)([^]*?\S)~~|\\([!-\/:-@\[-`{-~])|(https?:\/\/[^\s<>"')\]]+[^\s<>"')\].,;:!?])|( {2,}\n)/g;
  const MOST_DEPTH = 8;
  // Marks that never close make the search for their ends quadratic; a longer paragraph stays plain.
  const MOST_INLINE = 8000;

  function element(tag, children) {
    const node = document.createElement(tag);
    node.append(...children);
    return node;
  }

  function link(text, address, depth) {
    let safe;
    try {
      safe = ["http:", "https:", "mailto:"].includes(new URL(address).protocol);
    } catch {
      safe = false;
    }
    if (!safe) {
      return document.createTextNode(text);
    }
    const node = element("a", inline(text, depth + 1));
    node.href = address;
    node.target = "_blank";
    node.rel = "noopener noreferrer";
    return node;
  }

  function inline(text, depth = 0) {
    if (depth > MOST_DEPTH || text.length > MOST_INLINE) {
      return [document.createTextNode(text)];
    }
    const nodes = [];
    let end = 0;
    for (const match of text.matchAll(INLINE)) {
      const [whole, ticks, code, label, address, , strong, mark, emphasis, deleted, escaped, bare, wrap] = match;
      if (mark === "_" && /\w/.test(text[match.index - 1] ?? "")) {
        continue; // snake_case_is_no_emphasis
      }
      nodes.push(document.createTextNode(text.slice(end, match.index)));
      end = match.index + whole.length;
      if (ticks) {
        nodes.push(element("code", [code.replace(/^ (.*\S.*) $/, "$1")]));
      } else if (label !== undefined) {
        nodes.push(link(label, address, depth));
      } else if (strong) {
        nodes.push(element("strong", inline(strong, depth + 1)));
      } else if (emphasis) {
        nodes.push(element("em", inline(emphasis, depth + 1)));
      } else if (deleted) {
        nodes.push(element("del", inline(deleted, depth + 1)));
      } else if (escaped) {
        nodes.push(document.createTextNode(escaped));
      } else if (bare) {
        nodes.push(link(bare, bare, MOST_DEPTH));
      } else if (wrap) {
        nodes.push(document.createElement("br"));
      }
    }
    nodes.push(document.createTextNode(text.slice(end)));
    return nodes;
  }

  function cells(line) {
    return line.trim().replace(/^\|/, "").replace(/\|$/, "").split("|").map(cell => cell.trim());
  }

  function table(head, rows) {
    const width = head.length;
    const row = (values, tag) => element("tr",
        Array.from({length: width}, (_, i) => element(tag, inline(values[i] ?? ""))));
    return element("table", [element("thead", [row(head, "th")]),
      element("tbody", rows.map(values => row(values, "td")))]);
  }

  function list(lines, start, depth) {
    const [, indent, bullet] = lines[start].match(ITEM);
    const ordered = /\d/.test(bullet);
    const items = [];
    let at = start;
    while (at < lines.length) {
      const item = lines[at].match(ITEM);
      if (!item || item[1].length > indent.length + 1 || item[1].length < indent.length
          || /\d/.test(item[2]) !== ordered) {
        break;
      }
      const inner = [item[3]];
      at++;
      while (at < lines.length) {
        const next = lines[at].match(ITEM);
        const deeper = /^\s/.test(lines[at]) && (lines[at].length - lines[at].trimStart().length) > indent.length;
        if (next ? next[1].length <= indent.length + 1 : !deeper && lines[at].trim() !== "") {
          break;
        }
        if (lines[at].trim() === "" && !/^\s/.test(lines[at + 1] ?? "") && !ITEM.test(lines[at + 1] ?? "")) {
          break;
        }
        inner.push(lines[at].slice(Math.min(indent.length + bullet.length + 1, lines[at].length - lines[at].trimStart().length)));
        at++;
      }
      const blocks = render(inner, depth + 1);
      const single = blocks.length === 1 && blocks[0].tagName === "P";
      items.push(element("li", single ? [...blocks[0].childNodes] : blocks));
    }
    const node = element(ordered ? "ol" : "ul", items);
    if (ordered) {
      node.start = parseInt(bullet, 10);
    }
    return [node, at];
  }

  function interrupts(lines, at) {
    const line = lines[at];
    return line.trim() === "" || FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line)
        || ITEM.test(line);
  }

  function render(lines, depth) {
    if (depth > MOST_DEPTH) {
      return [element("p", [lines.join("\n")])];
    }
    const blocks = [];
    let at = 0;
    while (at < lines.length) {
      const line = lines[at];
      const fence = line.match(FENCE);
      const heading = line.match(HEADING);
      if (line.trim() === "") {
        at++;
      } else if (fence) {
        const code = [];
        at++;
        while (at < lines.length && !lines[at].trim().startsWith(fence[1])) {
          code.push(lines[at++]);
        }
        at++;
        blocks.push(element("pre", [element("code", [code.join("\n")])]));
      } else if (heading) {
        blocks.push(element("h" + Math.min(4, heading[1].length), inline(heading[2])));
        at++;
      } else if (RULE.test(line)) {
        blocks.push(document.createElement("hr"));
        at++;
      } else if (QUOTE.test(line)) {
        const quoted = [];
        while (at < lines.length && QUOTE.test(lines[at])) {
          quoted.push(lines[at++].match(QUOTE)[1]);
        }
        blocks.push(element("blockquote", render(quoted, depth + 1)));
      } else if (ITEM.test(line)) {
        const [node, next] = list(lines, at, depth);
        blocks.push(node);
        at = next;
      } else if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "") && lines[at + 1].includes("-")
          && cells(line).length === cells(lines[at + 1]).length) {
        const head = cells(line);
        const rows = [];
        at += 2;
        while (at < lines.length && lines[at].includes("|") && lines[at].trim() !== "") {
          rows.push(cells(lines[at++]));
        }
        blocks.push(table(head, rows));
      } else {
        const paragraph = [line];
        at++;
        while (at < lines.length && !interrupts(lines, at)) {
          paragraph.push(lines[at++]);
        }
        blocks.push(element("p", inline(paragraph.join("\n"))));
      }
    }
    return blocks;
  }

  return text => render(text.split("\n"), 0);
})();
