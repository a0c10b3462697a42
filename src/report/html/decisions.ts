import { compareCodeUnits } from '../../domain/compare.ts';
import type { DecisionKind } from '../../domain/decisions.ts';
import { number, percent } from '../format.ts';
import { INCIDENT_KINDS, type IncidentKind, MOST_KEPT } from '../incidents.ts';
import { type BarRow, barTable } from './bar-table.ts';
import type { ReportFacts } from './facts.ts';
import { html, type Markup } from './markup.ts';

const KINDS: readonly DecisionKind[] = ['TRADE', 'EXIT', 'BLOCKED', 'HOLD'];

/** What was decided and why, and what became of the orders. */
export function decisions(facts: ReportFacts): Markup {
  const { decisions: counts, orders } = facts.statistics;
  const all = sum(KINDS.flatMap((kind) => Object.values(counts[kind] ?? {})));
  if (all === 0) return html``;
  const ofAll = (count: number): readonly string[] => [number(count), percent(count / all, 1)];
  const tables = KINDS.map((kind) => {
    const reasons = Object.entries(counts[kind] ?? {}).sort(byCount);
    const total = sum(reasons.map(([, count]) => count));
    return total === 0
      ? html``
      : barTable({
          caption: `${kind}: ${number(total)}, ${percent(total / all, 1)} of all`,
          heads: ['reason', 'decisions', 'of all'],
          rows: reasons.map(([label, count]) => plainRow(label, count, ofAll(count))),
        });
  });
  // a kind that the run does not have is an error where it is asked for
  const asked = (['BLOCKED', ...KINDS] as const).find((kind) => counts[kind] !== undefined);
  const rejected = Object.entries(orders.rejectedBy).sort(byCount);
  return html`<section aria-labelledby="decisions"><h2 id="decisions">Decisions</h2>
<p>${number(all)} decisions, one for each symbol in each cycle. To list those of a reason: <code class="command">sametape explain ${facts.shellDir} --only ${asked}</code></p>
<div class="columns">${tables}</div></section>
<section aria-labelledby="rejected"><h2 id="rejected">Orders rejected</h2>
${
  rejected.length === 0
    ? html`<p>None of ${number(orders.intended)}.</p>`
    : barTable({
        caption: `Rejected by the broker, by reason: ${number(orders.rejected)} of ${number(orders.intended)} orders`,
        heads: ['reason', 'orders', 'of all'],
        rows: rejected.map(([label, count]) =>
          plainRow(label, count, [number(count), percent(count / Math.max(1, orders.intended), 1)]),
        ),
      })
}</section>
`;
}

function plainRow(label: string, count: number, cells: readonly string[]): BarRow {
  return { label, to: count, tone: 'plain', cells };
}

/** Most frequent first, then by name. */
function byCount(a: readonly [string, number], b: readonly [string, number]): number {
  return b[1] - a[1] || compareCodeUnits(a[0], b[0]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const GRAVE: ReadonlySet<IncidentKind> = new Set(['kill switch', 'error']);

/** What stood out: kill switches, errors, warnings and the like, counted, and the first of each kind listed. */
export function incidents({ story, formatTime }: ReportFacts): Markup {
  const { counts, kept } = story.incidents;
  if (counts.size === 0) {
    return html`<section aria-labelledby="incidents"><h2 id="incidents">Incidents</h2>
<p>None: no kill switch, no error, no warning.</p></section>
`;
  }
  const told = INCIDENT_KINDS.flatMap((kind) => {
    const count = counts.get(kind) ?? 0;
    return count === 0 ? [] : [`${number(count)} x ${kind}`];
  });
  const isCut = [...counts.values()].some((count) => count > MOST_KEPT);
  return html`<section aria-labelledby="incidents"><h2 id="incidents">Incidents</h2>
<p>${told.join(', ')}.${isCut && ` Listed are the first ${MOST_KEPT} of each kind.`}</p>
<div class="scroll" role="region" aria-label="Incidents" tabindex="0"><table class="incidents">
<caption>What stood out, in order</caption>
<thead><tr><th scope="col">New York</th><th scope="col" class="figure">cycle</th><th scope="col">kind</th><th scope="col">what</th></tr></thead>
<tbody>${kept.map(
    ({ tUs, cycle, kind, text }) =>
      html`<tr class="${GRAVE.has(kind) ? 'grave' : ''}"><td class="time">${formatTime(tUs)}</td><td class="figure">${cycle === 0 ? '' : number(cycle)}</td><td>${kind}</td><td class="text">${text}</td></tr>
`,
  )}</tbody></table></div></section>
`;
}
