// Where the page was made, there was no Graphviz: the page lays out the graph by itself.
{
  const { source } = JSON.parse(document.getElementById("data").textContent);
  const text = (await globalThis.Graphviz.load()).dot(source, "svg");
  document.getElementById("graph").innerHTML = text.slice(text.indexOf("<svg"));
}

