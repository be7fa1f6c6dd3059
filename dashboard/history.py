"""The browser's way back: one step a page, whatever the page wrote into its address.

Streamlit's client makes a new entry of the history each time a script changes the address, and it
often does so for the page to come while the address is still that of the page that is left. A way
back over such entries shows nothing new, or loses the filters of the page one comes from.
"""

SCRIPT = """<script>
{ // An address of the same page takes the place of the last one: only another page is a step.
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let acted = location.href; // where the reader last did something
  const note = () => { acted = location.href; };
  for (const kind of ['pointerdown', 'keydown', 'popstate']) addEventListener(kind, note, true);
  history.pushState = (state, title, to) => {
    const next = new URL(to ?? location.href, location.href);
    if (next.pathname === location.pathname) {
      replace(state, title, to);
      return;
    }
    // What stands behind the page that is left is already of the page to come.
    const early = next.search === location.search && acted !== location.href;
    if (early && new URL(acted).pathname === location.pathname) replace(state, title, acted);
    push(state, title, to);
    note();
  };
}
</script>"""
"""Goes into the start page before the client's own scripts."""
