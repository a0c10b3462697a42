import { relative } from 'node:path';
import { money, number, percent, signedMoney } from '../report/format.ts';
import type { PartFigures } from '../report/part-score.ts';
import { SESSIONS_PER_YEAR } from '../report/statistics.ts';
import { SESSIONS_FOR_YEARLY_FIGURES } from '../report/summary.ts';
import type { OverfittingAccount } from '../research/overfitting.ts';
import type { SweepResult } from '../research/sweep.ts';
import { type Column, type Painter, renderTable } from './terminal.ts';

interface Layout {
  readonly top: number;
  readonly painter: Painter;
}

/** What a sweep came to, for people: the best trials, the walk forward, and how much of it is luck. */
export function sweepText(result: SweepResult, layout: Layout): string {
  const { painter } = layout;
  const { finished, failed, walk, dir } = result;
  const parts = [
    ...(finished.length === 0 ? [] : [rankingText(result, layout)]),
    ...(failed.length === 0
      ? []
      : [
          `${painter.bold('Failed')}\n${failed.map(({ planned, message }) => `  ${planned.text}: ${message}`).join('\n')}`,
        ]),
    ...(walk.length === 0 ? [] : [walkText(result, painter)]),
    ...(finished.length === 0 ? [] : [luckText(result, painter)]),
    `sweep  ${relative(process.cwd(), dir) || '.'}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function rankingText(result: SweepResult, { top, painter }: Layout): string {
  const { plan, finished, metric } = result;
  const shown = [...finished].sort((a, b) => a.rank - b.rank).slice(0, top);
  const hasYear = plan.fewestSessions >= SESSIONS_FOR_YEARLY_FIGURES;
  const columns: Column[] = [
    { title: '#', align: 'right' },
    ...shortKeys(result).map((title) => ({ title, align: 'right' as const })),
    { title: 'net P&L', align: 'right' },
    { title: 'fees', align: 'right' },
    { title: 'turnover', align: 'right' },
    { title: 'Sharpe', align: 'right', isExtra: metric !== 'sharpe' },
    { title: 'drawdown', align: 'right', isExtra: metric !== 'drawdown' },
    { title: 'fills', align: 'right', isExtra: true },
    { title: 'run', isExtra: true },
  ];
  const rows = shown.map(({ planned, rank, summary, isKept }) => {
    const { statistics } = summary;
    return [
      String(rank),
      ...planned.values,
      signedMoney(statistics.netPnlMicros),
      money(statistics.feesMicros + statistics.borrowFeesMicros),
      statistics.turnover === null ? number(null) : `${number(statistics.turnover, 2)} x`,
      number(hasYear ? statistics.sharpe : null, 2),
      percent(statistics.maxDrawdown.frac),
      number(summary.fills),
      isKept ? planned.runName : '-',
    ];
  });
  const sessions = plan.sessions === undefined ? '' : `, ${counted(plan.sessions.length, 'session')}`;
  const title = `Best of ${counted(finished.length, 'trial')} by ${metric}${sessions}`;
  return `${painter.bold(title)}\n${renderTable(columns, rows)}`;
}

/** The last part of each key, where no other ends alike. */
function shortKeys({ plan }: SweepResult): string[] {
  const keys = plan.spec.axes.map(({ key }) => key);
  const ends = keys.map((key) => key.split('.').at(-1)!);
  return ends.map((end, at) => (ends.indexOf(end) === ends.lastIndexOf(end) ? end : keys[at]!));
}

function walkText({ plan, walk, finished }: SweepResult, painter: Painter): string {
  const dates = plan.sessions!;
  const columns: Column[] = [
    { title: 'chosen until' },
    { title: 'choice' },
    { title: 'reported on' },
    { title: 'net P&L', align: 'right' },
    { title: 'median', align: 'right' },
    { title: 'place', align: 'right' },
    { title: 'Sharpe', align: 'right', isExtra: true },
  ];
  const rows = walk.map((fold) => [
    dates[fold.reportFrom - 1]!,
    finished[fold.chosen]!.planned.values.join(', '),
    rangeText(dates.slice(fold.reportFrom, fold.reportTo)),
    signedMoney(fold.reported.pnlMicros),
    signedMoney(fold.medianPnlMicros),
    `${fold.rank} of ${finished.length}`,
    sharpeText(fold.reported, fold.reportTo - fold.reportFrom),
  ]);
  const sum = (values: readonly number[]): string =>
    signedMoney(values.reduce((total, value) => total + value, 0));
  const made = sum(walk.map(({ reported }) => reported.pnlMicros));
  const median = sum(walk.map(({ medianPnlMicros }) => medianPnlMicros));
  return `${painter.bold('Chosen on earlier sessions, reported on later ones')}
${renderTable(columns, rows)}
${made} in all, the median trial ${median}. Each trial runs through:
what changing from one to the next costs is not in it.`;
}

function sharpeText({ sharpe }: PartFigures, sessions: number): string {
  return number(sessions >= SESSIONS_FOR_YEARLY_FIGURES ? sharpe : null, 2);
}

function rangeText(dates: readonly string[]): string {
  return dates.length === 1 ? dates[0]! : `${dates[0]}..${dates.at(-1)}`;
}

function luckText(result: SweepResult, painter: Painter): string {
  const { overfitting, priorTrials, finished } = result;
  const { distinctTrials, deflatedSharpe, probability } = overfitting!;
  const same = finished.length - distinctTrials;
  const trials = [
    `${counted(finished.length, 'trial')}${same === 0 ? '' : `, ${same} of them like another`}`,
    ...(priorTrials === 0 ? [] : [`${number(priorTrials)} before`]),
  ].join(', ');
  const rows = [['tried', trials], ...deflatedRows(deflatedSharpe), ...overfittingRows(probability)];
  return `${painter.bold('How much of it is luck')}\n${renderTable([{ title: '' }, { title: '' }], rows)}`;
}

function deflatedRows(deflated: OverfittingAccount['deflatedSharpe']): string[][] {
  if ('refused' in deflated) return [['deflated Sharpe', `no number: ${deflated.refused}`]];
  return [
    ['Sharpe of the best', `${yearly(deflated.sharpe)} a year`],
    ['without any skill', `${yearly(deflated.expectedMaximum)} is expected of the best of so many`],
    ['deflated Sharpe', `${number(deflated.probability, 3)}: probability that the best has more than that`],
  ];
}

function overfittingRows(found: OverfittingAccount['probability']): string[][] {
  if ('refused' in found) return [['overfitting', `no number: ${found.refused}`]];
  return [
    [
      'overfitting',
      `${number(found.probability, 3)} of ${number(found.splits)} splits choose one no better than the median`,
    ],
    ['loss', `${percent(found.lossFrac, 1)} of them choose one that then loses money`],
  ];
}

function yearly(sessionSharpe: number): string {
  return number(sessionSharpe * Math.sqrt(SESSIONS_PER_YEAR), 2);
}

function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}
