/* How formulas look. One that is wider than the page can be scrolled. */
MathJax.Hub.Config({
  displayAlign: "left",
  displayIndent: "1em",
  showProcessingMessages: false,
  messageStyle: "none",
  MathMenu: {showRenderer: false, showLocale: false},
  styles: {".MathJax_SVG_Display": {"overflow-x": "auto", "overflow-y": "hidden", "padding": "2px 0"}}
});
