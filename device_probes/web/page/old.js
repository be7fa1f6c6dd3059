// For browsers that cannot even read the page's modules: says so instead of waiting for ever.

setTimeout(function () {
  if (document.documentElement.hasAttribute("data-state")) return;
  document.getElementById("title").textContent = "This browser is too old";
  document.getElementById("text").textContent =
    "Update it (Safari 15.4, Chrome 94 or Firefox 93 at least), or open the link in another one.";
}, 5000);
