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
    for (const time of root.querySelectorAll("time[datetime]")) {
      const date = new Date(time.dateTime);
      if (Number.isNaN(date.getTime())) continue;
      time.textContent = words(date);
      time.title = whole.format(date);
    }
  };
  const tick = () => {
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

    const prompt = byId("prompt");
    if (prompt) sendWith(prompt, (text, requestId) => call("POST", `${path}/prompts`, { requestId, text }));

    // The forms that fragments replace: stop, and cancelling a queued prompt.
    document.addEventListener("submit", async (event) => {
      const form = event.target;
      const cancel = /\/prompts\/([^/]+)\/cancel$/.exec(form.getAttribute("action") || "");
      if (form.id !== "stop" && !cancel) return;
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      try {
        await (cancel ? call("DELETE", `${path}/prompts/${cancel[1]}`) : call("POST", `${path}/stop`));
      } catch (error) {
        button.disabled = false;
        tell(error.message);
      }
    });

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

    const place = ({ target, mode, keep, html }) => {
      const element = byId(target);
      if (!element) return;
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
