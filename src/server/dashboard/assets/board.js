/**
 * On a page of Bull Board: keeps what it says of the whole of it as it is now, and names what its page leaves
 * without a name for who hears it.
 */
(() => {
  const REFRESH_MS = 5000;
  /** By the icon of a button. Others are called what their icon shows. */
  const NAMES = { 'circle-user': 'Links', copy: 'Copy', maximize: 'Full screen' };
  const system = document.getElementById('system');

  const fit = () =>
    document.documentElement.style.setProperty('--system-height', `${system.offsetHeight}px`);

  const read = async () => {
    if (document.hidden) return;
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    // A page of an error, such as that of a login that has ended, does not say that all is well.
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
    const now = fresh.getElementById('system');
    // Whoever listens to the page is told only of what has changed.
    if (now && now.innerHTML !== system.innerHTML) system.replaceChildren(...now.childNodes);
  };

  // A server that does not answer is told by Bull Board itself.
  const readAgain = async () => {
    await read().catch(() => {});
    setTimeout(readAgain, REFRESH_MS);
  };

  const nameIcons = (root) => {
    for (const button of root.querySelectorAll('button:not([aria-label], [title])')) {
      const icon =
        button.textContent.trim() === '' && button.querySelector('svg[class*="lucide-"]');
      const [, shown] = /lucide-([a-z-]+)/.exec(icon ? icon.getAttribute('class') : '') ?? [];
      if (shown) button.setAttribute('aria-label', NAMES[shown] ?? shown.replaceAll('-', ' '));
    }
  };

  /** All stands below our heading, which is there at every width. The logo stands beside its own name. */
  const mend = (root) => {
    nameIcons(root);
    for (const heading of root.querySelectorAll('h1, h5')) heading.setAttribute('aria-level', '2');
    for (const logo of root.querySelectorAll('header img')) logo.alt = '';
  };

  const root = document.getElementById('root');
  new MutationObserver(() => mend(root)).observe(root, { childList: true, subtree: true });
  new ResizeObserver(fit).observe(system);
  setTimeout(readAgain, REFRESH_MS);
})();
