// What the pages do beyond HTML: following a session live, sending without a reload, times in the reader's own words.
// All markup comes from the server, escaped there; this file puts it in place.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);

  // Times

  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

  const words = (date) => {
    const seconds = (Date.now() - date) / 1000;
    if (seconds < 45) return "just now";
    if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
    const today = new Date().toDateString() === date.toDateString();
    return today ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
  };

  const span = (milliseconds) => {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };

  const tellTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-left])")) {
      const date = new Date(time.dateTime);
      if (Number.isNaN(date.getTime())) continue;
      time.textContent = words(date);
      time.title = whole.format(date);
    }
  };
  const tick = () => {
    for (const time of document.querySelectorAll("time[data-left]")) {
      time.textContent = `in ${span(new Date(time.dateTime) - Date.now())}`;
    }
    for (const elapsed of document.querySelectorAll(".elapsed[data-since]")) {
      elapsed.textContent = span(Date.now() - new Date(elapsed.dataset.since));
    }
  };
  tellTimes(document);
  tick();
  setInterval(tick, 1000);
  setInterval(() => tellTimes(document), 30000);

  // Prompts

  const isSubmit = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing;

  const grow = (area) => {
    if (CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  };

  for (const form of document.querySelectorAll("form.composer")) {
    const area = form.querySelector("textarea");
    area.addEventListener("keydown", (event) => {
      if (!isSubmit(event)) return;
      event.preventDefault();
      form.requestSubmit();
    });
    area.addEventListener("input", () => grow(area));
  }

  // Sends JSON to the API; the answer's error is for people.
  const call = async (method, path, body) => {
    let response;
    try {
      response = await fetch(path, {
        method,
        headers: body === undefined ? {} : { "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch {
      throw new Error("The server can’t be reached. Your text is still here.");
    }
    const answer = response.status === 204 ? null : await response.json().catch(() => null);
    if (!response.ok) {
      const error = answer && answer.error;
      throw new Error(error ? [error.message, error.mend].filter(Boolean).join(" ") : `The server answered ${response.status}.`);
    }
    return answer;
  };

  const sendWith = (form, send) => {
    const area = form.querySelector("textarea");
    const button = form.querySelector("button.primary");
    const trouble = form.querySelector(".form-error");
    const renew = () => {
      form.elements.requestId.value = `web-${crypto.getRandomValues(new Uint32Array(5)).join("-")}`;
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.disabled || !area.value.trim()) return;
      button.disabled = true;
      trouble.hidden = true;
      try {
        await send(area.value, form.elements.requestId.value);
        area.value = "";
        grow(area);
        renew();
      } catch (error) {
        trouble.textContent = error.message;
        trouble.hidden = false;
        // The same text may be sent again under the same id and counts once; another text is another prompt.
        area.addEventListener("input", renew, { once: true });
      } finally {
        button.disabled = false;
        area.focus();
      }
    });
  };

  const start = byId("start");
  if (start) {
    sendWith(start, async (prompt, requestId) => {
      const agent = start.elements.agent.value;
      const receipt = await call("POST", "/v1/sessions", {
        requestId, prompt, repository: start.elements.repository.value, ...(agent ? { agent } : {}),
      });
      location.assign(`/sessions/${receipt.session}`);
    });
    // Whoever types is about to begin a session: its sandbox gets ready meanwhile. A hint, so nothing is said where it fails.
    let warmed = { repository: "", at: 0 };
    const warm = () => {
      const repository = start.elements.repository.value;
      if (warmed.repository === repository && Date.now() - warmed.at < 30000) return;
      warmed = { repository, at: Date.now() };
      call("POST", "/v1/warm", { repository }).catch(() => {});
    };
    start.elements.prompt.addEventListener("input", warm);
    start.elements.repository.addEventListener("change", warm);
  }

  // Files that go with a prompt: chosen, pasted or dropped on its box.
  const attach = (form) => {
    const list = form.querySelector(".attached");
    const input = form.querySelector("input[type=file]");
    let chosen = [];
    const show = () => {
      list.hidden = chosen.length === 0;
      list.replaceChildren(...chosen.map((file) => {
        const item = document.createElement("li");
        const away = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "×" });
        away.setAttribute("aria-label", `Leave out ${file.name}`);
        away.addEventListener("click", () => { chosen = chosen.filter((one) => one !== file); show(); });
        item.append(file.name, away);
        return item;
      }));
    };
    const add = (files) => {
      chosen = [...chosen, ...files].slice(0, 10);
      show();
    };
    input.addEventListener("change", () => { add(input.files); input.value = ""; });
    form.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      add(event.clipboardData.files);
    });
    form.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
    form.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      add(event.dataTransfer.files);
    });
    const one = async (file) => {
      const answer = await fetch(`/v1/attachments?name=${encodeURIComponent(file.name)}`, {
        method: "POST", headers: { "Content-Type": file.type || "application/octet-stream" }, body: file,
      }).catch(() => { throw new Error("The server can’t be reached. Your text is still here."); });
      const body = await answer.json().catch(() => null);
      if (!answer.ok) throw new Error(body && body.error ? [body.error.message, body.error.mend].join(" ") : `${file.name} was refused.`);
      return body.digest;
    };
    return {
      upload: async () => {
        const digests = [];
        for (const file of chosen) digests.push(await one(file));
        return digests;
      },
      clear: () => { chosen = []; show(); },
    };
  };

  // A link that lets someone take part: its secret is behind “#”, which the browser sends to nobody by itself.
  const join = byId("join");
  if (join) {
    join.addEventListener("click", async () => {
      const [session, secret] = location.hash.slice(1).split("/");
      join.disabled = true;
      try {
        await call("POST", `/v1/sessions/${encodeURIComponent(session || "none")}/participants`, { secret: secret || "" });
        location.replace(`/sessions/${session}`);
      } catch {
        const trouble = byId("join-error");
        trouble.textContent = "This link does not work any more. Ask whoever sent it for another.";
        trouble.hidden = false;
        join.disabled = false;
      }
    });
  }

  // A live session

  const main = document.querySelector("main[data-session]");
  if (main) {
    const session = main.dataset.session;
    const path = `/v1/sessions/${session}`;
    let { after, from, generation } = main.dataset;
    let source = null;
    let failures = 0;
    let retry = 0;
    const connection = byId("connection");
    const latest = byId("latest");

    const newRequest = () => `web-${crypto.getRandomValues(new Uint32Array(5)).join("-")}`;
    const edit = (id, change) => call("PATCH", `${path}/prompts/${id}`, { requestId: newRequest(), ...change });

    const prompt = byId("prompt");
    if (prompt) {
      const files = attach(prompt);
      sendWith(prompt, async (text, requestId) => {
        const mode = prompt.elements.mode.value;
        const attachments = await files.upload();
        await call("POST", `${path}/prompts`, {
          requestId, text, ...(mode === "queue" ? {} : { mode }), ...(attachments.length ? { attachments } : {}),
        });
        files.clear();
        prompt.elements.mode.value = "queue";
        say(false);
      });
      // Others see that someone writes: now and then while they do, and once when they stop.
      let said = 0;
      const say = (active) => {
        if (!active && !said) return;
        if (active && Date.now() - said < 3000) return;
        said = active ? Date.now() : 0;
        call("POST", `${path}/typing`, { active }).catch(() => {});
      };
      prompt.elements.text.addEventListener("input", () => say(prompt.elements.text.value !== ""));
    }

    // The forms that fragments replace: stop, prompts of the queue, answers to the agent.
    document.addEventListener("submit", async (event) => {
      const form = event.target;
      const action = form.getAttribute("action") || "";
      const queued = /\/prompts\/([^/]+)\/(cancel|move)$/.exec(action);
      const asked = /\/permissions\/([^/]+)$/.exec(action);
      if (form.id !== "stop" && !queued && !asked) return;
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      try {
        if (asked) await call("POST", `${path}/permissions/${asked[1]}`, { option: Number(form.elements.option.value) });
        else if (!queued) await call("POST", `${path}/stop`);
        else if (queued[2] === "cancel") await call("DELETE", `${path}/prompts/${queued[1]}`);
        else await edit(queued[1], { before: form.elements.before.value });
      } catch (error) {
        button.disabled = false;
        tell(error.message);
      }
    });

    // A waiting prompt is edited where it stands; the whole text is the server's, since the list shows its beginning.
    document.addEventListener("click", async (event) => {
      const button = event.target.closest("button[data-edit]");
      if (!button) return;
      const item = button.closest("li");
      const id = button.dataset.edit;
      const detail = await call("GET", path).catch((error) => tell(error.message));
      const waiting = detail && detail.prompts.find((one) => one.id === id && one.state === "queued");
      if (!waiting) return;
      const area = document.createElement("textarea");
      area.className = "edit-text";
      area.value = waiting.text;
      area.setAttribute("aria-label", "The prompt's text");
      const save = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Save" });
      const leave = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Leave" });
      item.draggable = false;
      item.replaceChildren(area, save, leave);
      main.dataset.editing = id;
      area.focus();
      const end = () => {
        delete main.dataset.editing;
        if (held) place(held);
        held = null;
      };
      leave.addEventListener("click", () => { end(); if (source) { source.close(); source = null; } connect(); });
      save.addEventListener("click", async () => {
        save.disabled = true;
        try {
          delete main.dataset.editing;
          await edit(id, { text: area.value });
          if (held) place(held);
          held = null;
        } catch (error) {
          main.dataset.editing = id;
          save.disabled = false;
          tell(error.message);
        }
      });
      area.addEventListener("keydown", (key) => {
        if (isSubmit(key)) save.click();
        if (key.key === "Escape") leave.click();
      });
    });

    // Dragging changes the order: a prompt goes before the one that it is dropped on, or behind the last.
    let dragged = null;
    document.addEventListener("dragstart", (event) => {
      const item = event.target.closest && event.target.closest("#queue li[draggable=true]");
      if (!item) return;
      dragged = item.dataset.prompt;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", dragged);
    });
    const target = (event) => event.target.closest && event.target.closest("#queue li[data-prompt]");
    document.addEventListener("dragover", (event) => {
      if (!dragged || !byId("queue").contains(event.target)) return;
      event.preventDefault();
      for (const item of document.querySelectorAll("#queue .drop")) item.classList.remove("drop");
      const item = target(event);
      if (item) item.classList.add("drop");
    });
    document.addEventListener("dragend", () => {
      dragged = null;
      for (const item of document.querySelectorAll("#queue .drop")) item.classList.remove("drop");
    });
    document.addEventListener("drop", async (event) => {
      if (!dragged || !byId("queue").contains(event.target)) return;
      event.preventDefault();
      const id = dragged;
      dragged = null;
      const item = target(event);
      if (item && item.dataset.prompt === id) return;
      const box = item && item.getBoundingClientRect();
      const below = item && event.clientY > box.top + box.height / 2;
      const before = below ? item.nextElementSibling : item;
      if (before && before.dataset.prompt === id) return;
      await edit(id, before ? { before: before.dataset.prompt } : { last: true }).catch((error) => tell(error.message));
    });

    // Who may come in.
    document.addEventListener("change", async (event) => {
      if (event.target.id !== "access") return;
      await call("PATCH", path, { access: event.target.value }).catch((error) => tell(error.message));
    });
    document.addEventListener("click", async (event) => {
      if (event.target.id !== "invite") return;
      const shown = byId("invite-link");
      try {
        const { url } = await call("POST", `${path}/invitations`, { role: byId("invite-role").value });
        shown.textContent = url;
        shown.hidden = false;
        await navigator.clipboard.writeText(url);
      } catch (error) {
        if (shown.hidden) tell(error.message);
      }
    });

    let typingEnds = 0;
    const tell = (text) => {
      if (!connection) return;
      connection.textContent = text;
      connection.hidden = !text;
    };

    const page = document.scrollingElement;
    const isAtEnd = () => page.scrollHeight - page.scrollTop - innerHeight < 120;
    const toEnd = () => page.scrollTo({ top: page.scrollHeight });
    if (latest) {
      latest.addEventListener("click", toEnd);
      addEventListener("scroll", () => { if (isAtEnd()) latest.hidden = true; }, { passive: true });
    }

    // The queue is not taken from under someone who edits in it.
    let held = null;
    const place = (fragment) => {
      const { target, mode, keep, html } = fragment;
      const element = byId(target);
      if (!element) return;
      if (target === "queue" && main.dataset.editing) {
        held = fragment;
        return;
      }
      // What was held is older than this.
      if (target === "queue") held = null;
      if (target === "typing") {
        clearTimeout(typingEnds);
        typingEnds = setTimeout(() => { const line = byId("typing"); if (line) line.hidden = true; }, 6000);
      }
      if (mode === "remove") {
        element.remove();
        return;
      }
      const isScrolledDown = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
      if (mode === "replace") {
        const isOpen = element.open;
        element.outerHTML = html;
        const fresh = byId(target);
        if (fresh && isOpen !== undefined) fresh.open = isOpen;
        if (fresh) tellTimes(fresh.parentElement);
        return;
      }
      if (mode === "tail") while (element.children.length > keep) element.lastElementChild.remove();
      element.insertAdjacentHTML("beforeend", html);
      tellTimes(element);
      const pane = element.closest("pre");
      if (pane && isScrolledDown) pane.scrollTop = pane.scrollHeight;
    };

    const receive = (message) => {
      if (String(message.generation) !== generation) {
        location.reload();
        return;
      }
      const follow = isAtEnd();
      for (const fragment of message.fragments) place(fragment);
      after = message.after;
      from = message.from;
      tick();
      if (follow) toEnd();
      else if (latest && message.fragments.some((fragment) => fragment.mode !== "replace")) latest.hidden = false;
    };

    const connect = () => {
      clearTimeout(retry);
      if (source) source.close();
      const query = new URLSearchParams({ after, from });
      source = new EventSource(`/sessions/${session}/stream?${query}`);
      source.onmessage = (event) => {
        failures = 0;
        tell("");
        main.dataset.live = "yes";
        receive(JSON.parse(event.data));
      };
      source.onerror = async () => {
        source.close();
        source = null;
        main.dataset.live = "no";
        failures += 1;
        if (failures > 1) tell("Reconnecting…");
        retry = setTimeout(connect, Math.min(10000, 250 * 2 ** failures) * (0.75 + Math.random() / 2));
        // A sign-in that ended looks the same as a broken line; the page then shows where to sign in.
        if (failures === 3) {
          const answer = await fetch("/v1/me").catch(() => null);
          if (answer && answer.status === 401) location.reload();
        }
      };
    };
    connect();

    // A hidden page frees its connection (browsers allow few to one server) and catches up when it is seen again.
    let sleep = 0;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(sleep);
      if (!document.hidden) {
        if (!source) connect();
        return;
      }
      sleep = setTimeout(() => {
        clearTimeout(retry);
        if (source) source.close();
        source = null;
      }, 30000);
    });
    if (after > 0 && !location.hash) toEnd();
  }

  // The home page's lists

  const live = document.querySelector("[data-live='/live/home']");
  if (live) {
    let shown = "";
    setInterval(async () => {
      if (document.hidden || live.contains(document.activeElement)) return;
      const answer = await fetch(live.dataset.live).catch(() => null);
      if (!answer || !answer.ok) return;
      const html = await answer.text();
      if (html === shown) return;
      shown = html;
      live.innerHTML = html;
      tellTimes(live);
    }, 4000);
  }

  // A build's log

  const log = byId("build-log");
  if (log && log.dataset.state === "running") {
    let after = Number(log.dataset.after);
    log.scrollTop = log.scrollHeight;
    const follow = async () => {
      const answer = await fetch(`/v1/repositories/${log.dataset.repository}/build/log?after=${after}&wait=20`).catch(() => null);
      if (!answer || !answer.ok) {
        setTimeout(follow, 2000);
        return;
      }
      const { build, lines } = await answer.json();
      const isScrolledDown = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      for (const line of lines) {
        const step = document.createElement("span");
        step.className = "log-step";
        step.textContent = line.step;
        log.append(step, ` ${line.text}\n`);
        after = line.number;
      }
      if (isScrolledDown) log.scrollTop = log.scrollHeight;
      if (build.state !== "running") location.reload();
      else setTimeout(follow, lines.length ? 100 : 500);
    };
    follow();
  }
})();
