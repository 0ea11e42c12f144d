// <form data-scan>: a scanner types into [data-scan-code] and ends with Enter. Each scan gets a token of its own and waits in
// a queue of this tab until the server has answered it; the server counts a token once. A lost connection, a page loaded anew
// and a sign-in in between lose none. scanner-keys.js looks after what a scanner types elsewhere.
(() => {
  const SEEN = 1500;
  const MOST_LISTED = 20;
  let isSending = false;
  let isLeaving = false;
  let scans = null;
  let sound = null;
  let shownAt = 0;
  let isCovered = false;

  const scanForm = () => document.querySelector("form[data-scan]");
  const shelf = (form) => `scans ${new URL(form.action).pathname}`;
  // What waits outlives the page: a phone drops pages in the background, and people reload one that seems stuck.
  const waiting = (form) => {
    try { scans ??= JSON.parse(sessionStorage.getItem(shelf(form))) ?? []; } catch { scans ??= []; }
    return scans;
  };
  const keep = (form, left) => {
    scans = left;
    try {
      if (left.length) sessionStorage.setItem(shelf(form), JSON.stringify(left));
      else sessionStorage.removeItem(shelf(form));
    } catch {
      // A browser that stores nothing keeps them while the page is open.
    }
  };
  const token = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };
  const beep = (isOk) => {
    if (!isOk) navigator.vibrate?.([180, 80, 180]);
    try {
      sound ??= new AudioContext();
      const tone = sound.createOscillator();
      const volume = sound.createGain();
      tone.type = isOk ? "sine" : "square";
      tone.frequency.value = isOk ? 1320 : 165;
      volume.gain.value = isOk ? 0.08 : 0.2;
      tone.connect(volume).connect(sound.destination);
      tone.start();
      tone.stop(sound.currentTime + (isOk ? 0.07 : 0.45));
    } catch {
      // A browser without sound still turns the box green or red.
    }
  };
  const say = (words) => {
    const line = document.querySelector("[data-scan-waiting]");
    if (line && line.textContent !== words) line.textContent = words;
  };
  const told = (count) => (count > 1 ? `${count} scans wait` : "1 scan waits") + " for the connection. Keep this page open.";
  const list = (code, words) => {
    const box = document.querySelector("[data-scan-refusals]");
    if (!box) return;
    const line = document.createElement("li");
    const name = document.createElement("bdi");
    name.className = "code";
    name.textContent = code;
    line.append(name, ` ${words}`);
    const lines = box.querySelector("ul");
    lines.prepend(line);
    while (lines.children.length > MOST_LISTED) lines.lastElementChild.remove();
    box.hidden = false;
  };
  // Every element of the answer takes the place of the one with its id. A refusal that the next answer covers at once would
  // never be read, so it is listed.
  const show = (html, hasMore) => {
    const before = document.getElementById("scan-outcome");
    if (before?.dataset.scanOk === "no" && (isCovered || performance.now() - shownAt < SEEN)) {
      list(before.querySelector("[data-scan-heading]").textContent, before.querySelector("[data-scan-told]").textContent);
    }
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    [...parsed.content.children, ...parsed.content.querySelectorAll("tr")].forEach((fresh) => { if (fresh.id) document.getElementById(fresh.id)?.replaceWith(fresh); });
    shownAt = performance.now();
    isCovered = hasMore;
    const outcome = document.getElementById("scan-outcome");
    if (outcome?.dataset.scanOk) beep(outcome.dataset.scanOk === "yes");
  };
  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  const leave = (go) => {
    isLeaving = true;
    go();
  };

  // Send one scan. True when it is answered; it throws when another try may help.
  const send = async (form, scan) => {
    const body = new FormData(form);
    for (const name of [...body.keys()]) if (name !== "csrf_token") body.delete(name);
    Object.entries(scan.fields).forEach(([name, value]) => body.set(name, value));
    const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" }, redirect: "manual" });
    if (answer.status >= 500 || answer.status === 429) throw new Error("not now");
    const elsewhere = answer.headers.get("HX-Redirect");
    if (answer.status === 401 && elsewhere) {
      leave(() => location.assign(elsewhere));
      return false;
    }
    if ([200, 404, 409, 422].includes(answer.status)) {
      show(await answer.text(), waiting(form).length > 1);
    } else if (answer.status === 400 && !scan.isSecondTry) {
      // Somebody signed in anew in another tab: this page's form is worth nothing any more, a fresh page's is.
      const [first, ...others] = waiting(form);
      keep(form, [{ ...first, isSecondTry: true }, ...others]);
      leave(() => location.reload());
      return false;
    } else {
      beep(false);
      list(scan.fields.code, answer.status === 403 ? "was not saved: you may not do this any more." : "was not saved. Load the page again, then scan once more.");
    }
    return true;
  };
  const work = async () => {
    const form = scanForm();
    if (isSending || !form) return;
    isSending = true;
    let wait = 500;
    while (!isLeaving && waiting(form).length) {
      try {
        if (!(await send(form, waiting(form)[0]))) break;
        keep(form, waiting(form).slice(1));
        wait = 500;
        if (!waiting(form).length) say("");
      } catch {
        say(told(waiting(form).length));
        await pause(wait);
        wait = Math.min(10000, wait * 2);
      }
    }
    isSending = false;
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest?.("form[data-scan]");
    if (!form) return;
    event.preventDefault();
    const code = form.querySelector("[data-scan-code]");
    const fields = Object.fromEntries([...new FormData(form)].filter(([name]) => name !== "csrf_token"));
    code.focus();
    if (!code.value.trim()) return;
    keep(form, [...waiting(form), { fields: { ...fields, token: token() } }]);
    code.value = "";
    const units = form.querySelector("[data-scan-units]");
    if (units) units.value = "1";
    work();
  });
  document.addEventListener("scan:refused", () => beep(false));
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-scan-forget]")?.closest("[data-scan-refusals]");
    if (!box) return;
    box.querySelector("ul").replaceChildren();
    box.hidden = true;
    scanForm()?.querySelector("[data-scan-code]").focus();
  });
  document.addEventListener("DOMContentLoaded", () => {
    const form = scanForm();
    if (!form || !waiting(form).length) return;
    say(told(waiting(form).length));
    work();
  });
  window.addEventListener("online", work);
  window.addEventListener("beforeunload", (event) => {
    const form = scanForm();
    if (form && !isLeaving && waiting(form).length) event.preventDefault();
  });
})();
