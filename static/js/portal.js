/* The little that pages do beyond plain links and forms. Every page works without it. */
"use strict";
(() => {
  const root = document.documentElement;
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
  root.classList.add("has-js");

  /* --- requests: the CSRF token goes along; a hidden page does not poll --- */

  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = meta("csrf-token");
    if (document.hidden && event.detail.elt.hasAttribute("data-poll")) event.preventDefault();
  });

  // A list follows its search field letter by letter. That the field has changed is told once more when it is left, and a
  // swap then would take away what was just chosen in the list.
  document.addEventListener("change", (event) => { if (event.target.type === "search") event.stopPropagation(); }, true);

  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401) {
      const here = encodeURIComponent(location.pathname + location.search);
      location.assign(`${meta("sign-in")}?next=${here}`);
    } else if (status === 403) {
      toast("You may not do that, or your session has changed. Reload the page and try again.", "error");
    } else if (status === 404) {
      toast("This is no longer here. Reload the page to see how things stand.", "error");
    } else {
      toast(`The portal answered with error ${status}. Nothing was changed as far as it can tell; try again.`, "error");
    }
  });

  document.addEventListener("htmx:sendError", (event) => {
    if (!event.detail.elt.hasAttribute("data-poll")) toast("The portal cannot be reached. Check the network and try again.", "error");
  });

  /* --- messages --- */

  function toast(text, tone) {
    const place = document.getElementById("toasts");
    if (!place) return;
    const message = document.createElement("p");
    message.className = "message";
    message.dataset.tone = tone;
    message.textContent = text;
    place.replaceChildren(message);
    setTimeout(() => message.remove(), 10_000);
  }

  document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.tone));

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "dialog-body") openDialog();
    const said = document.querySelector("[data-announce]")?.dataset.announce ?? "";
    const announcer = document.getElementById("announcer");
    if (announcer && announcer.textContent !== said) announcer.textContent = said;
    showTimes(document);
  });

  /* --- the one dialog: opened by what is swapped into it --- */

  function openDialog() {
    const dialog = document.getElementById("dialog");
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("input:not([type=hidden])")?.focus();
  }

  document.addEventListener("click", (event) => {
    const dialog = document.getElementById("dialog");
    if (dialog?.open && (event.target === dialog || event.target.closest("#dialog [data-dialog-close]"))) {
      event.preventDefault();
      dialog.close();
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    const open = document.querySelector("details.menu[open]");
    if (event.key === "Escape" && open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("[data-search-key]");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    }
  });

  /* --- copy buttons --- */

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const word = button.querySelector("[data-copy-word]") ?? button;
    const field = button.parentElement.querySelector("input");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      const before = word.textContent;
      word.textContent = "Copied";
      setTimeout(() => (word.textContent = before), 2000);
    } catch {
      field?.select();
    }
  });

  /* --- times: kept fresh, exact on tap; worded as portal/formats.py words them --- */

  function relative(at, now, clock) {
    const seconds = Math.floor(Math.abs(now - at) / 1000);
    const steps = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [30 * 86400, 86400, "d"]];
    const step = steps.find(([limit]) => seconds < limit);
    if (!step) return null;
    const span = `${Math.floor(seconds / step[1])} ${step[2]}`;
    if (at > now) return `in ${span} (${clock})`;
    return seconds < 5 ? "just now" : `${span} ago`;
  }

  function showTimes(within) {
    const now = Date.now();
    for (const element of within.querySelectorAll("time[data-relative]:not([data-exact])")) {
      const text = relative(Date.parse(element.dateTime), now, element.dataset.relative);
      if (text && text !== element.textContent) element.textContent = text;
    }
  }

  document.addEventListener("click", (event) => {
    const element = event.target.closest("time[data-relative]");
    if (!element || element.closest("a")) return;
    if (element.toggleAttribute("data-exact")) element.textContent = element.title;
    else showTimes(element.parentElement);
  });

  setInterval(() => document.hidden || showTimes(document), 10_000);
  document.addEventListener("visibilitychange", () => document.hidden || showTimes(document));

  /* --- the browser's own time zone --- */

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const button of document.querySelectorAll("[data-browser-zone]")) {
    if (!zone || zone === "UTC") continue;
    button.value = zone;
    button.textContent = `Browser (${zone})`;
    button.hidden = false;
  }
})();
