// Marks the words of a full-text search in the list and in the trace beside it, without a change to the page.

const WORD = /"([^"]+)"|(\S+)/g;

function wanted() {
  const asked = new URL(location.href).searchParams.get("q") ?? "";
  return [...asked.matchAll(WORD)].map((found) => (found[1] ?? found[2]).toLowerCase()).filter((word) => word.length > 1);
}

function ranges(place, words) {
  const found = [];
  const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.toLowerCase();
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(walk.currentNode, at);
        range.setEnd(walk.currentNode, at + word.length);
        found.push(range);
      }
    }
  }
  return found;
}

export function markSearched() {
  const words = wanted();
  if (!words.length || !globalThis.CSS?.highlights) return;
  const places = [...document.querySelectorAll("#traces td.text, #panel .said")];
  CSS.highlights.set("searched", new Highlight(...places.flatMap((place) => ranges(place, words))));
}
