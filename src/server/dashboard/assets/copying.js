/** Copies ids. Without this script they can be selected, and the buttons stay hidden. */
(() => {
  const SAID_FOR_MS = 1500;

  const copy = async (text) => {
    // Browsers offer it to pages by https and on the own machine only.
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  };

  const said = document.createElement('span');
  said.className = 'hidden';
  said.setAttribute('role', 'status');
  document.body.append(said);

  const show = () => {
    for (const button of document.querySelectorAll('button.copy')) button.hidden = false;
  };
  document.addEventListener('click', async ({ target }) => {
    const button = target.closest('button.copy');
    if (!button) return;
    await copy(button.dataset.copy);
    button.focus();
    button.classList.add('copied');
    said.textContent = `Copied ${button.dataset.copy}`;
    setTimeout(() => {
      button.classList.remove('copied');
      said.textContent = '';
    }, SAID_FOR_MS);
  });
  document.addEventListener('refreshed', show);
  show();
})();
