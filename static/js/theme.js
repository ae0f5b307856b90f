// Runs before the first paint, so that a dark page never flashes white. The cookie (read by the server into data-theme-pref) wins over the system.
(() => {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const wanted = root.dataset.themePref;
    root.dataset.bsTheme = wanted === 'auto' ? (dark.matches ? 'dark' : 'light') : wanted;
  };
  apply();
  dark.addEventListener('change', apply);
})();
