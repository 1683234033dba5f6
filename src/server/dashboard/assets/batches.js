/**
 * Reads the page again every few seconds, except while its reader is busy with it. Everything
 * works without this script.
 */
(() => {
  const seconds = Number(document.body.dataset.refresh);
  if (!(seconds > 0)) return;

  const busy = () =>
    document.hidden ||
    document.querySelector('details.action[open]') !== null ||
    ['INPUT', 'TEXTAREA'].includes(document.activeElement?.tagName ?? '') ||
    String(getSelection()) !== '';

  const replace = (fresh, id) => {
    const now = document.getElementById(id);
    const then = fresh.getElementById(id);
    if (!now || !then || now.outerHTML === then.outerHTML) return;
    const open = [...now.querySelectorAll('details[open]')].map((one) => one.id);
    for (const one of open) then.querySelector(`#${CSS.escape(one)}`)?.setAttribute('open', '');
    now.replaceWith(document.adoptNode(then));
  };

  const read = async () => {
    if (busy()) return;
    const stale = document.getElementById('stale');
    try {
      const response = await fetch(location.href, { headers: { accept: 'text/html' } });
      if (!response.ok) throw new Error(String(response.status));
      const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
      if (busy()) return;
      replace(fresh, 'main');
      replace(fresh, 'alive');
      stale.hidden = true;
    } catch {
      stale.hidden = false;
    }
  };

  const again = () => setTimeout(() => read().finally(again), seconds * 1000);
  again();
})();
