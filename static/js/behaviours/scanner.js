// <form data-scan>: a scanner types into [data-scan-code] and ends with Enter. Each scan gets a token of its own, waits in a
// queue, and is sent again after a lost connection until the server has answered; the server counts a token once.
(() => {
  const waiting = [];
  let isSending = false;
  let sound = null;

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
  const say = (form, words) => {
    const line = form.querySelector("[data-scan-waiting]");
    if (line && line.textContent !== words) line.textContent = words;
  };
  const told = (count) => (count > 1 ? `${count} scans wait` : "1 scan waits") + " for the connection. Keep this page open.";
  // Every element of the answer takes the place of the one with its id.
  const show = (html) => {
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    [...parsed.content.children].forEach((fresh) => { if (fresh.id) document.getElementById(fresh.id)?.replaceWith(fresh); });
    const outcome = document.getElementById("scan-outcome");
    if (outcome?.dataset.scanOk) beep(outcome.dataset.scanOk === "yes");
  };
  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

  // Whether the scan was answered; if not, no second try would help it.
  const send = async ({ form, body }) => {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" }, redirect: "manual" });
    if (answer.status >= 500 || answer.status === 429) throw new Error("not now");
    const elsewhere = answer.headers.get("HX-Redirect");
    if (elsewhere) location.assign(elsewhere);
    else if ([200, 404, 409, 422].includes(answer.status)) show(await answer.text());
    if ([400, 403].includes(answer.status)) {
      beep(false);
      say(form, "This scan was not saved: the page is out of date. Load it again, then scan once more.");
      return false;
    }
    return true;
  };
  const work = async () => {
    if (isSending) return;
    isSending = true;
    let wait = 500;
    while (waiting.length) {
      const scan = waiting[0];
      try {
        const isAnswered = await send(scan);
        waiting.shift();
        wait = 500;
        if (isAnswered && !waiting.length) say(scan.form, "");
      } catch {
        say(scan.form, told(waiting.length));
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
    const body = new FormData(form);
    code.focus();
    if (!code.value.trim()) return;
    body.set("token", token());
    waiting.push({ form, body });
    code.value = "";
    const units = form.querySelector("[data-scan-units]");
    if (units) units.value = units.defaultValue || "1";
    work();
  });
  // A scanner types wherever the cursor is: letters typed on the bare page belong to the field.
  document.addEventListener("keydown", (event) => {
    const code = document.querySelector("form[data-scan] [data-scan-code]");
    const isFree = document.activeElement === document.body || document.activeElement === null;
    if (code && isFree && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) code.focus();
  }, true);
  window.addEventListener("beforeunload", (event) => { if (waiting.length) event.preventDefault(); });
})();
