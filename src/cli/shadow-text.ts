import type { TimeUs } from '../domain/units.ts';
import { money, number, signedMoney } from '../report/format.ts';
import { explainCommand, shellWord } from '../report/shell-commands.ts';
import {
  type OrderShortfall,
  type Parts,
  type SideOutcome,
  shortfallOf,
} from '../research/shadow/attribute.ts';
import { type Calibration, type Estimate, LEAST_POINTS } from '../research/shadow/calibrate.ts';
import {
  bpsOf,
  listParts,
  type PartLine,
  type PartName,
  paperMicrosOf,
  type ShortfallGroup,
} from '../research/shadow/roll-up.ts';
import type { Shadow, ShadowCoverage } from '../research/shadow/shadow-run.ts';
import type { DecisionCause, DecisionSplit } from '../research/shadow/watch-decisions.ts';
import { decisionWords } from './decision-words.ts';
import { oneLine } from './errors.ts';
import { type Painter, renderTable } from './terminal.ts';

interface Shown {
  readonly runDir: string;
  readonly timeOf: (tUs: TimeUs) => string;
  readonly painter: Painter;
}

/** Orders that are shown; `--json` has them all. */
const WORST_SHOWN = 10;

/** What each part is, in words that a person who never read the code understands. */
const PARTS: Readonly<Record<PartName, string>> = {
  delay: 'mid moved from the decision to the arrival at the broker',
  waiting: 'mid moved from the arrival to the trade',
  spread: 'from the mid to the near side',
  slippage: 'beyond the near side',
  fees: 'commissions',
  missed: 'what shares that never filled would have gained by the close',
  refused: 'the same, of orders that were refused',
  drift: 'orders, or shares of them, that one side decided on and the other did not',
  borrow: 'charged for borrowed shares',
  carried: 'positions from the session before',
  books: 'what no order explains: taken over from the broker, by hand, put right later',
};

/** The shadow for people, worst first. */
export function shadowText(shadow: Shadow, shown: Shown): string {
  const { total, sessions, symbols, horizons, orders } = shadow;
  const { painter } = shown;
  const tables: readonly [string, readonly ShortfallGroup[]][] = [
    ['session', sessions],
    ['symbol', symbols],
    ['horizon', horizons],
  ];
  return `${[
    headText(shadow, shown),
    `${painter.bold('Decisions')}\n${decisionsText(shadow, shown)}`,
    `${painter.bold('Where the shortfall comes from')}\n${partsText(total, painter)}`,
    ...tables.filter(([, groups]) => groups.length > 0).map(([title, groups]) => groupsText(title, groups)),
    `${painter.bold('Worst orders')}\n${ordersText(orders, shown)}`,
    `${painter.bold('Slippage against the model of the simulated exchange')}\n${calibrationText(shadow.calibration)}`,
  ].join('\n\n')}\n`;
}

function headText(
  { scenario, mode, coverage, isSameCode, total }: Shadow,
  { painter, timeOf }: Shown,
): string {
  const shortfall = shortfallOf(total.parts);
  const tone = shortfall > 0 ? painter.red : painter.green;
  const rows = [
    ['net P&L', signedMoney(total.simulatedMicros), signedMoney(total.actualMicros), money(shortfall)],
  ];
  const bps = bpsOf(shortfall, total);
  return [
    painter.bold(`${scenario}, ${mode.kind}: data from ${mode.source}, orders to ${mode.broker}`),
    coverageText(coverage, timeOf),
    ...(isSameCode
      ? []
      : ['made by other code than this, which may decide differently for that reason alone']),
    '',
    renderTable(MONEY_COLUMNS, rows),
    bps === null
      ? 'nothing was traded'
      : tone(`${number(bps, 2)} bps of the ${money(total.tradedMicros)} that were traded`),
  ].join('\n');
}

const MONEY_COLUMNS = [
  { title: '' },
  { title: 'simulated', align: 'right' },
  { title: 'actual', align: 'right' },
  { title: 'shortfall', align: 'right' },
] as const;

function coverageText(coverage: ShadowCoverage, timeOf: (tUs: TimeUs) => string): string {
  const { isComplete, stopReason, openSession, missingSessions, ordersAtWork, recoveries, endUs } = coverage;
  const times = recoveries === 1 ? 'once' : `${recoveries} times`;
  const taken = recoveries === 0 ? '' : `; taken up ${times} after a crash`;
  if (isComplete) return `whole run, to ${timeOf(endUs)} New York${taken}`;
  const why = [
    stopReason === null ? 'its tape is not closed' : `it stopped: ${oneLine(stopReason)}`,
    ...(openSession === null ? [] : [`session ${openSession} was open, and is marked at its newest mids`]),
    ...(ordersAtWork.simulated + ordersAtWork.actual === 0
      ? []
      : [`orders at work in the end: ${ordersAtWork.simulated} simulated, ${ordersAtWork.actual} actual`]),
    ...(missingSessions.length === 0 ? [] : [`not traded: ${missingSessions.join(', ')}`]),
  ];
  return [`PARTIAL run, to ${timeOf(endUs)} New York${taken}`, ...why.map((one) => `  ${one}`)].join('\n');
}

const CAUSES: Readonly<Record<DecisionCause['kind'], string>> = {
  stopped: 'one side may not trade',
  working: 'one side has an order at work',
  position: 'the positions differ',
  equity: 'the equity that orders are sized by differs',
  other: 'no difference in books or orders explains it',
};

function decisionsText({ isSame, decisions }: Shadow, shown: Shown): string {
  const { cycles, decidedDifferently, first, firstStage } = decisions;
  const count = number(cycles);
  if (isSame) return `ok: ${count} cycles, the same decisions, orders and fills, to the bit`;
  const from =
    firstStage === null
      ? ''
      : `; numbers part from cycle ${firstStage.cycle} on, ${shown.timeOf(firstStage.tUs)}, in stage ${firstStage.stage}`;
  if (first === null) return `the same decisions in all of ${count} cycles${from}`;
  return `${number(decidedDifferently)} of ${count} cycles are decided differently${from}\n${splitText(first, shown)}`;
}

function splitText(split: DecisionSplit, { runDir, timeOf, painter }: Shown): string {
  const { cycle, tUs, stage, symbol, simulated, actual, cause } = split;
  return [
    `first ${symbol} in cycle ${cycle}, ${timeOf(tUs)} New York, stage ${stage}:`,
    `  simulated  ${decisionWords(simulated).join(' ')}`,
    `  actual     ${decisionWords(actual).join(' ')}`,
    `  ${CAUSES[cause.kind]}: ${cause.detail}`,
    painter.dim(`  $ ${explainCommand(shellWord(runDir), cause.order ?? { cycle, symbol })}`),
  ].join('\n');
}

function partsText(total: ShortfallGroup, painter: Painter): string {
  const lines = listParts(total.parts).filter(
    ({ simulatedMicros, actualMicros }) => simulatedMicros !== 0 || actualMicros !== 0,
  );
  if (lines.length === 0) return 'no order on either side';
  const row = (
    label: string,
    costs: Omit<PartLine, 'part' | 'reason' | 'shortfallMicros'>,
    what: string,
  ): string[] => {
    const shortfall = costs.actualMicros - costs.simulatedMicros;
    const amounts = [costs.simulatedMicros, costs.actualMicros, shortfall].map(money);
    return [label, ...amounts, number(bpsOf(shortfall, total), 2), what];
  };
  const all = {
    simulatedMicros: lines.reduce((sum, line) => sum + line.simulatedMicros, 0),
    actualMicros: lines.reduce((sum, line) => sum + line.actualMicros, 0),
  };
  const table = renderTable(
    [
      { title: 'cost' },
      ...MONEY_COLUMNS.slice(1),
      { title: 'bps', align: 'right' },
      { title: 'what it is', isExtra: true },
    ],
    [
      ...lines.map((line) => row(labelOf(line), line, PARTS[line.part])),
      row('all', all, 'paper gain less net P&L'),
    ],
  );
  const paper = money(paperMicrosOf(total));
  const note = `On paper, at the mids decided on, what both sides decided gained ${paper}. What is negative here was gained too.`;
  return `${table}\n${painter.dim(note)}`;
}

function labelOf({ part, reason }: Pick<PartLine, 'part' | 'reason'>): string {
  if (reason === undefined) return part;
  return reason === 'refused' ? 'refused: by the broker' : `refused: ${reason}`;
}

function groupsText(title: string, groups: readonly ShortfallGroup[]): string {
  return renderTable(
    [
      { title },
      ...MONEY_COLUMNS.slice(1),
      { title: 'bps', align: 'right' },
      { title: 'traded', align: 'right', isExtra: true },
      { title: 'most of it', isExtra: true },
    ],
    groups.map((group) => {
      const shortfall = shortfallOf(group.parts);
      return [
        group.key ?? 'none',
        signedMoney(group.simulatedMicros),
        signedMoney(group.actualMicros),
        money(shortfall),
        number(bpsOf(shortfall, group), 2),
        money(group.tradedMicros),
        mostOf(group.parts),
      ];
    }),
  );
}

/** The part that moved a shortfall most, whichever way. */
function mostOf(parts: Parts): string {
  let most: PartLine | undefined;
  for (const line of listParts(parts)) {
    if (line.shortfallMicros === 0) continue;
    if (most === undefined || Math.abs(line.shortfallMicros) > Math.abs(most.shortfallMicros)) most = line;
  }
  return most === undefined ? '' : `${labelOf(most)} ${money(most.shortfallMicros)}`;
}

function ordersText(orders: readonly OrderShortfall[], { runDir, timeOf, painter }: Shown): string {
  const worse = orders.filter(({ parts }) => shortfallOf(parts) > 0);
  if (worse.length === 0) return `none of ${number(orders.length)} cost more than simulated`;
  const table = renderTable(
    [
      { title: 'cycle', align: 'right' },
      { title: 'symbol' },
      { title: 'side' },
      { title: 'simulated', align: 'right' },
      { title: 'actual', align: 'right' },
      { title: 'shortfall', align: 'right' },
      { title: 'most of it' },
      { title: 'New York', isExtra: true },
      { title: 'for', isExtra: true },
      { title: 'see it with', isExtra: true },
    ],
    worse
      .slice(0, WORST_SHOWN)
      .map(({ cycle, decidedUs, symbol, side, horizon, simulated, actual, parts }) => [
        ...[String(cycle), symbol, side, filledText(simulated), filledText(actual)],
        ...[money(shortfallOf(parts)), mostOf(parts), timeOf(decidedUs), horizon ?? ''],
        `--cycle ${cycle} --symbol ${shellWord(symbol)}`,
      ]),
  );
  const note = `${number(worse.length)} of ${number(orders.length)} orders cost more than simulated. Each: sametape explain ${shellWord(runDir)} --cycle N --symbol S`;
  return `${table}\n${painter.dim(note)}`;
}

function filledText(outcome: SideOutcome | null): string {
  return outcome === null ? 'not decided' : `${number(outcome.filled)} of ${number(outcome.quantity)}`;
}

function calibrationText(calibration: Calibration): string {
  const { points, leftOut, configured, realisedBps, modelBps, slippage, impact, refusal } = calibration;
  if (points === 0 && leftOut === 0) return 'no fill to measure it on';
  const left = leftOut === 0 ? '' : `, ${number(leftOut)} left out for want of a quote or of volume`;
  const mean = `realised ${number(realisedBps, 2)} bps, model ${number(modelBps, 2)} bps, over ${number(points)} fills${left}`;
  const refusals = {
    too_few: `not fitted: ${number(points)} fills are too few, it takes ${LEAST_POINTS}`,
    one_participation: 'not fitted: all fills are the same part of the volume',
  } as const;
  if (refusal !== null) return `${mean}\n${refusals[refusal]}`;
  const estimate = (of: Estimate | null): string[] => [
    number(of?.bps ?? null, 3),
    number(of?.standardErrorBps ?? null, 3),
  ];
  const table = renderTable(
    [
      { title: 'bps' },
      { title: 'configured', align: 'right' },
      { title: 'fitted', align: 'right' },
      { title: 'standard error', align: 'right' },
    ],
    [
      ['broker.slippageBps', number(configured.slippageBps, 3), ...estimate(slippage)],
      ['broker.impactBps, by sqrt(participation)', number(configured.impactBps, 3), ...estimate(impact)],
    ],
  );
  return `${mean}\n${table}`;
}
