/** Text that is HTML already, made by `html` from what it escaped. */
export interface Markup {
  readonly markup: string;
}

export type Content = Markup | string | number | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters, marks that turn the direction of text, and halves of surrogate pairs: none is a letter. */
const UNSAFE =
  /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/** Text as HTML shows it, also in a quoted attribute. What cannot be shown becomes a replacement character. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[\t\n\r]+/g, ' ')
    .replace(UNSAFE, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** A template of HTML: what is put in is escaped, unless it is markup; lists are put in one after the other. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return { markup: parts.reduce((text, part, k) => text + markupOf(contents[k - 1]) + part) };
}

function markupOf(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'string') return escapeHtml(content);
  if (typeof content === 'number') return String(content);
  return 'markup' in content ? content.markup : content.map(markupOf).join('');
}

/** Text of our own that is no HTML and must not be escaped: a style sheet. */
export function raw(text: string): Markup {
  return { markup: text };
}
