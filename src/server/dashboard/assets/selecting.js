/** Selecting batches of a list. Every batch can be selected without this script. */
(() => {
  const byId = (id) => document.getElementById(id);
  const boxes = () => [...document.querySelectorAll('input[name="ref"]')];

  /** Says how many are selected, and shows the box that selects all of the page. */
  const tellSelected = () => {
    const all = byId('select-page');
    if (!all) return;
    const checked = boxes().filter((box) => box.checked).length;
    all.hidden = false;
    all.checked = checked > 0 && checked === boxes().length;
    all.indeterminate = checked > 0 && !all.checked;
    const told = byId('selected');
    if (told) told.textContent = checked > 0 ? `${checked} selected` : '';
  };
  document.addEventListener('change', ({ target }) => {
    if (target.id === 'select-page') for (const box of boxes()) box.checked = target.checked;
    if (target.type === 'checkbox') tellSelected();
  });
  document.addEventListener('refreshed', tellSelected);
  tellSelected();
})();
