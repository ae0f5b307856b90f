// The only hand-written script: copy, toasts, dialogs, theme, search keys. Everything also works without it by links and forms.
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const root = document.documentElement;

  // Toasts: `HX-Trigger: {"toast": "…"}` from the server, or toast() from here.
  const toast = (message) => {
    const region = $('#toasts');
    if (!region || !message) return;
    const item = document.createElement('div');
    item.className = 'app-toast';
    item.textContent = message;
    region.append(item);
    setTimeout(() => item.remove(), 5000);
  };
  // A message that came over a redirect, in a cookie.
  const carried = document.cookie.split('; ').find((cookie) => cookie.startsWith('billfold-toast='));
  if (carried) {
    document.cookie = 'billfold-toast=;path=/;max-age=0;samesite=lax';
    toast(new URLSearchParams(carried.slice('billfold-toast='.length)).get('text'));
  }
  document.addEventListener('toast', (event) => toast(event.detail?.value ?? event.detail));
  document.addEventListener('htmx:error', (event) => {
    if (!event.detail?.ctx?.response) toast('The server could not be reached. Try again in a moment.');
  });

  // A page that nobody looks at does not poll: htmx raises `every` on the element, and here it ends.
  document.addEventListener('every', (event) => document.hidden && event.stopImmediatePropagation(), true);

  // Clicks: one listener, each kind of button named by a data attribute.
  const actions = {
    copy: async (button) => {
      const text = button.dataset.copy || $(button.dataset.copyFrom)?.textContent || '';
      try {
        await navigator.clipboard.writeText(text.trim());
        toast('Copied to clipboard');
      } catch {
        toast('Copying is blocked by the browser');
      }
    },
    themeToggle: (button) => {
      const next = root.dataset.bsTheme === 'dark' ? 'light' : 'dark';
      root.dataset.themePref = root.dataset.bsTheme = next;
      document.cookie = `billfold-theme=${next};path=/;max-age=31536000;samesite=lax`;
      button.setAttribute('aria-pressed', String(next === 'dark'));
    },
    dialog: (button, event) => {
      const dialog = $(button.dataset.dialog);
      if (!dialog) return;
      event.preventDefault();
      if (!dialog.open) dialog.showModal();
    },
    dialogClose: (button) => button.closest('dialog')?.close(),
    menu: (button) => {
      const open = $('.app-sidebar')?.classList.toggle('is-open');
      button.setAttribute('aria-expanded', String(open));
    },
    reveal: (button) => {
      const field = $(button.dataset.reveal);
      if (!field) return;
      field.type = field.type === 'password' ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(field.type === 'text'));
    },
  };
  document.addEventListener('click', (event) => {
    for (const [name, act] of Object.entries(actions)) {
      const button = event.target.closest(`[data-${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}]`);
      if (button) act(button, event);
    }
    // A click beside an open menu closes it; a click on a dialog's backdrop closes the dialog.
    document.querySelectorAll('details.app-menu[open]').forEach((menu) => menu.contains(event.target) || (menu.open = false));
    if (event.target.matches?.('dialog[data-light]')) event.target.close();
  });

  // Keys: Ctrl-K or ⌘K search, / filter of the list, ? help, Escape closes menus, arrows walk through search results.
  const typing = () => /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName || '');
  const open = (selector) => {
    const dialog = $(selector);
    if (dialog && !dialog.open) dialog.showModal();
  };
  document.addEventListener('keydown', (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      open('#search-dialog');
    } else if (event.key === '/' && !typing() && !$('dialog[open]') && $('#list-search')) {
      event.preventDefault();
      $('#list-search').select();
    } else if (event.key === '?' && !typing() && !$('dialog[open]')) {
      open('#help-dialog');
    } else if (event.key === 'Escape' && event.target.id === 'search-input') {
      event.preventDefault(); // a search field would only be emptied by the first Escape
      $('#search-dialog')?.close();
    } else if (event.key === 'Escape') {
      document.querySelectorAll('details.app-menu[open]').forEach((menu) => {
        menu.open = false;
        $('summary', menu)?.focus();
      });
    } else if (/^Arrow(Up|Down)$/.test(event.key) && $('#search-dialog[open]')) {
      const stops = [$('#search-input'), ...document.querySelectorAll('#search-results a')];
      const at = stops.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1);
      event.preventDefault();
      stops[(at + stops.length) % stops.length]?.focus();
    } else if (event.key === 'Enter' && document.activeElement?.id === 'search-input') {
      const first = $('#search-results a');
      if (first) {
        event.preventDefault();
        first.click();
      }
    }
  });

  // `hx-confirm` asks in a native dialog that says what will happen. Plain forms use `data-confirm`.
  const ask = (question, label, proceed, refuse) => {
    const dialog = $('#confirm-dialog');
    if (!dialog) return proceed();
    $('#confirm-text').textContent = question;
    $('#confirm-yes').textContent = label || 'Continue';
    dialog.returnValue = '';
    dialog.addEventListener('close', () => (dialog.returnValue === 'yes' ? proceed() : refuse?.()), { once: true });
    dialog.showModal();
  };
  document.addEventListener('htmx:confirm', (event) => {
    const source = event.detail?.ctx?.sourceElement ?? event.target;
    const question = source.getAttribute?.('hx-confirm');
    if (!question) return;
    event.preventDefault();
    ask(question, source.dataset.confirmLabel, () => event.detail.issueRequest(), () => event.detail.dropRequest?.());
  });
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.dataset.confirm && !form.dataset.confirmed && !form.hasAttribute('hx-confirm')) {
      event.preventDefault();
      ask(form.dataset.confirm, form.dataset.confirmLabel, () => {
        form.dataset.confirmed = 'yes';
        form.requestSubmit(event.submitter);
      });
    }
  }, true);

  // After a fragment with an error came in, the first wrong field takes the focus.
  document.addEventListener('htmx:after:swap', () => $('[aria-invalid="true"]')?.focus());
})();
