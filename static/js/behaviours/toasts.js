// Short messages: from the server (HX-Trigger: toast), from the page itself (flashes), and when a request fails.
(() => {
  const stay = 8000;
  const dress = (note) => {
    if (note.querySelector("button")) return;
    const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    close.setAttribute("aria-label", "Close message");
    close.addEventListener("click", () => note.remove());
    note.append(close);
    if (note.dataset.tone === "danger") return;
    let timer = setTimeout(() => note.remove(), stay);
    ["pointerenter", "focusin"].forEach((kind) => note.addEventListener(kind, () => clearTimeout(timer)));
    ["pointerleave", "focusout"].forEach((kind) => note.addEventListener(kind, () => { timer = setTimeout(() => note.remove(), stay); }));
  };
  const show = ({ text, tone = "success", url = null, link = null }) => {
    const note = document.createElement("div");
    note.className = "toast-note";
    note.dataset.tone = tone;
    const words = Object.assign(document.createElement("span"), { textContent: text });
    note.append(words);
    if (url) note.append(Object.assign(document.createElement("a"), { href: url, textContent: link ?? "Open" }));
    document.querySelector("[data-toasts]").append(note);
    dress(note);
  };
  document.addEventListener("toast", (event) => show(event.detail));
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    const status = ctx.response?.raw?.status ?? ctx.response?.status;
    if (status >= 500 && !ctx.hx?.trigger) show({ text: "Something broke on our side. Nothing was saved. Try again.", tone: "danger" });
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx) show({ text: "The server did not answer. Check the connection, then try again.", tone: "danger" });
  });
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-toast]").forEach(dress));
})();
