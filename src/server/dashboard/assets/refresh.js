/**
 * Reads the page again every few seconds, unless its reader has paused that. Only what has changed is
 * replaced, so that focus, scroll, selection, open forms and what was typed stay. Everything works without it.
 */
(() => {
  const PAUSED = 'atlas-batch-refresh-paused';
  /** What a reader has changed in a form, or opened. */
  const KEPT = {
    details: ['open'],
    // What scripts have shown stays so: what is hidden for a moment loses its focus.
    input: ['value', 'checked', 'hidden'],
    option: ['selected'],
    button: ['hidden'],
  };

  const localTimes = () => {
    const zone = { dateStyle: 'medium', timeStyle: 'long' };
    for (const time of document.querySelectorAll('time[datetime]')) {
      const date = new Date(time.dateTime);
      if (Number.isNaN(date.getTime())) continue;
      time.title = `${date.toISOString()}\n${date.toLocaleString(undefined, zone)}`;
    }
  };

  const keyOf = (node) =>
    node.id || node.dataset?.key || (node.localName === 'tr' && node.querySelector('a')?.pathname);

  const matches = (now, then) =>
    now?.nodeName === then.nodeName && (keyOf(now) || '') === (keyOf(then) || '');

  const copyAttributes = (now, then) => {
    const kept = KEPT[now.localName] ?? [];
    for (const { name } of [...now.attributes]) {
      if (!then.hasAttribute(name) && !kept.includes(name)) now.removeAttribute(name);
    }
    for (const { name, value } of then.attributes) {
      if (!kept.includes(name) && now.getAttribute(name) !== value) now.setAttribute(name, value);
    }
  };

  /** Makes `now` say what `then` says; what both have is not touched. */
  const morph = (now, then) => {
    if (now.isEqualNode(then)) return;
    if (now.nodeType !== Node.ELEMENT_NODE) {
      now.nodeValue = then.nodeValue;
      return;
    }
    copyAttributes(now, then);
    const wanted = [...then.childNodes];
    const keys = new Set(wanted.map(keyOf).filter(Boolean));
    for (const child of [...now.childNodes]) {
      if (keyOf(child) && !keys.has(keyOf(child))) child.remove();
    }
    let at = now.firstChild;
    for (const child of wanted) {
      const same = matches(at, child)
        ? at
        : keyOf(child) && [...now.childNodes].find((one) => matches(one, child));
      if (same) {
        if (same !== at) now.insertBefore(same, at);
        morph(same, child);
        at = same.nextSibling;
      } else now.insertBefore(document.importNode(child, true), at);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  const replace = (fresh, ids) => {
    for (const id of ids) {
      const now = document.getElementById(id);
      const then = fresh.getElementById(id);
      if (now && then) morph(now, then);
      else if (now && id !== 'main') now.remove();
    }
    localTimes();
    document.dispatchEvent(new Event('refreshed'));
  };

  const read = async () => {
    if (document.hidden || document.activeElement?.localName === 'select') return;
    const stale = document.getElementById('stale');
    try {
      const response = await fetch(location.href, { headers: { accept: 'text/html' } });
      const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
      if (paused()) return;
      document.title = fresh.title;
      if (response.ok) document.body.dataset.refresh = fresh.body.dataset.refresh ?? '0';
      // An error says how the whole of it stands; what was read before stays.
      replace(fresh, response.ok ? ['icon', 'alive', 'system', 'main'] : ['icon', 'system']);
      stale.hidden = response.ok;
    } catch {
      stale.hidden = false;
    }
  };

  const paused = () => sessionStorage.getItem(PAUSED) === 'yes';
  const button = document.getElementById('refresh');
  const show = () => {
    button.textContent = paused() ? 'Resume refresh' : 'Pause refresh';
    button.setAttribute('aria-pressed', String(paused()));
  };

  localTimes();
  const seconds = () => Number(document.body.dataset.refresh);
  if (!(seconds() > 0)) return;
  button.hidden = false;
  show();
  button.addEventListener('click', () => {
    sessionStorage.setItem(PAUSED, paused() ? 'no' : 'yes');
    show();
    if (!paused()) void read();
  });
  const again = () => {
    if (seconds() === 0) return;
    setTimeout(() => (paused() ? Promise.resolve() : read()).finally(again), seconds() * 1000);
  };
  again();
})();
