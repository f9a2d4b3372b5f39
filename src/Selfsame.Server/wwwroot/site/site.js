// Comfort for who has JavaScript; every page works without it, and the server holds against repeats by itself.

const announcer = document.getElementById("announcer");

function announce(text) {
  announcer.textContent = text;
}

/** Switches a form's buttons off while it is under way, and says so. */
function showBusy(form, submitter) {
  for (const button of form.querySelectorAll("button[type=submit]")) {
    button.disabled = true;
  }
  const busy = submitter?.dataset.busy;
  if (busy) {
    submitter.dataset.idle = submitter.innerHTML;
    submitter.setAttribute("aria-busy", "true");
    submitter.textContent = busy;
    announce(busy);
  }
}

/** After going back to a page that the browser kept, its forms can be sent again. */
function showIdle(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("button[type=submit]")) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (button.dataset.idle !== undefined) {
      button.innerHTML = button.dataset.idle;
    }
  }
  announce("");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) {
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  // A disabled button's name and value are not sent, so this waits until the form's content is gathered.
  setTimeout(() => showBusy(form, event.submitter));
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    document.querySelectorAll("form[data-sent]").forEach(showIdle);
  }
});

for (const input of document.querySelectorAll("input[type=password]")) {
  const toggle = document.createElement("button");
  toggle.type = "button";
  toggle.className = "show-password";
  toggle.textContent = "Show";
  toggle.setAttribute("aria-label", "Show the password");
  toggle.setAttribute("aria-pressed", "false");
  toggle.setAttribute("aria-controls", input.id);
  toggle.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    toggle.textContent = shown ? "Hide" : "Show";
    toggle.setAttribute("aria-pressed", String(shown));
  });
  const wrapper = document.createElement("div");
  wrapper.className = "password";
  input.replaceWith(wrapper);
  wrapper.append(input, toggle);
  input.form?.addEventListener("submit", () => { input.type = "password"; });
}

document.addEventListener("htmx:after:swap", () => {
  const text = document.querySelector("[data-announce]")?.dataset.announce;
  if (text) {
    announce(text);
  }
});

document.querySelector("[autofocus].problems")?.focus();
