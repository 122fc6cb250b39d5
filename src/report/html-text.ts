/** The text of a report that a relay turned into HTML (journaling b.2). Linear, unlike any pattern for tags. */
export function htmlToText(html: string): string {
  const text: string[] = [];
  const unclosed = new Set<string>();
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    if (open === -1) break;
    text.push(html.slice(at, open));
    const close = html.indexOf('>', open);
    if (close === -1) {
      at = html.length;
      break;
    }
    const name = /^\/?[a-z]+/i.exec(html.slice(open + 1, Math.min(close, open + 16)))?.[0].toLowerCase() ?? '';
    if (lineEnders.has(name)) text.push('\n');
    at = close + 1;
    if (!unseen.has(name) || unclosed.has(name)) continue;
    const end = html.indexOf(`</${name}`, at);
    // Not closed: what follows is shown rather than lost, and nobody looks for the end again.
    if (end === -1) unclosed.add(name);
    else at = end;
  }
  text.push(html.slice(at));
  return decodeEntities(text.join('')).replace(/\u00a0/g, ' ');
}

const lineEnders = new Set([
  'br',
  'p',
  '/p',
  'div',
  '/div',
  'tr',
  '/tr',
  'li',
  '/li',
  'pre',
  '/pre',
  '/h1',
  '/h2',
  '/h3',
]);
const unseen = new Set(['style', 'script', 'title']);

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
