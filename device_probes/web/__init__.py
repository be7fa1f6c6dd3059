"""The web probe: a page in any phone's or computer's browser, reached by a link, with nothing
installed there. Measures the browser's own stack, path ``web_audio``."""
