// A scanner types wherever the cursor is. Keys on the bare page or on a button belong to the field of <form data-scan>; keys in
// another field that come faster than fingers and end in Enter are a scan too, and that field gets back what it held.
(() => {
  const FASTEST = 50;
  const SHORTEST = 3;
  const TEXT = "input:not([type=checkbox]):not([type=radio]):not([type=submit]):not([type=button]), textarea, select, [contenteditable]";
  let burst = { text: "", field: null, value: "", at: 0 };

  const follow = (event, field) => {
    if (burst.field !== field || event.timeStamp - burst.at > FASTEST) burst = { text: "", field, value: field.value, at: 0 };
    burst.text += event.key;
    burst.at = event.timeStamp;
  };
  const isScan = (event, field) =>
    burst.field === field && burst.text.length >= SHORTEST && event.timeStamp - burst.at <= FASTEST;

  document.addEventListener("keydown", (event) => {
    const code = document.querySelector("form[data-scan] [data-scan-code]");
    const field = document.activeElement ?? document.body;
    if (!code || field === code || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const isPaused = document.querySelector("dialog[open]") !== null;
    if (event.key.length === 1) {
      if (isPaused || field.matches(TEXT)) follow(event, field);
      // The space bar presses the button it is on.
      else if (event.key !== " ") code.focus();
    } else if (event.key === "Enter" && isScan(event, field)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (field.matches(TEXT)) field.value = burst.value;
      if (isPaused) {
        // A question is open, and the Enter of a scanner must not answer it.
        document.dispatchEvent(new CustomEvent("scan:refused"));
      } else {
        code.value = burst.text;
        code.form.requestSubmit();
      }
      burst = { text: "", field: null, value: "", at: 0 };
    }
  }, true);
})();
