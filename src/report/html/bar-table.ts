import { type Content, html, type Markup } from './markup.ts';

export interface BarRow {
  readonly label: string;
  /** Where the bar begins; default 0. */
  readonly from?: number;
  readonly to: number;
  /** `gain` and `loss` by the sign of its length, unless it says otherwise. */
  readonly tone?: 'gain' | 'loss' | 'plain';
  readonly cells: readonly string[];
}

export interface BarTable {
  readonly caption: string;
  /** Heads of the label, and of each cell. */
  readonly heads: readonly string[];
  readonly rows: readonly BarRow[];
  readonly total?: { readonly label: string; readonly cells: readonly string[] };
}

/** A chart that is a table: each row has a bar, and beside it the figures it stands for. */
export function barTable({ caption, heads, rows, total }: BarTable): Markup {
  const ends = rows.flatMap(({ from = 0, to }) => [from, to]);
  const min = Math.min(0, ...ends);
  const spread = Math.max(0, ...ends) - min;
  const place = (value: number): number =>
    spread === 0 ? 0 : Math.round(((value - min) / spread) * 1e4) / 100;
  const [first, ...others] = heads;
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table class="bars">
<caption>${caption}</caption>
<thead><tr><th scope="col">${first}</th><td class="bar"></td>${others.map((head) => html`<th scope="col" class="figure">${head}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => {
  const { from = 0, to } = row;
  const tone = row.tone ?? (to < from ? 'loss' : 'gain');
  const [left, right] = [Math.min(place(from), place(to)), Math.max(place(from), place(to))];
  return html`<tr><th scope="row">${breakable(row.label)}</th><td class="bar"><svg height="12" aria-hidden="true"><line class="zero" x1="${place(0)}%" x2="${place(0)}%" y1="0" y2="12"/><rect class="${tone}" x="${left}%" y="2" width="${Math.round((right - left) * 100) / 100}%" height="8"/></svg></td>${row.cells.map((cell) => html`<td class="figure">${cell}</td>`)}</tr>
`;
})}</tbody>
${total !== undefined && html`<tfoot><tr><th scope="row">${total.label}</th><td class="bar"></td>${total.cells.map((cell) => html`<td class="figure">${cell}</td>`)}</tr></tfoot>`}
</table></div>
`;
}

/** Codes are long words: a line may break after their underscores. */
function breakable(label: string): Content {
  return label.split('_').flatMap((part, k) => (k === 0 ? [part] : [html`_<wbr>`, part]));
}
