import { formatNewYork } from '../data/calendar.ts';
import type { Json } from '../events/record.ts';
import { money, number, percent, signedMoney } from '../report/format.ts';
import { renderTable } from './terminal.ts';

/** What the engine says of itself, as `viewEngine` writes it. */
interface EngineStatus {
  readonly session: string;
  readonly isSessionOpen: boolean;
  readonly timeUs: number;
  readonly isPaused: boolean;
  readonly lost: readonly string[];
  readonly cashMicros: number;
  readonly equityMicros: number;
  readonly realizedMicros: number;
  readonly feesMicros: number;
  readonly positions: readonly {
    readonly symbol: string;
    readonly shares: number;
    readonly markE4: number;
    readonly costMicros: number;
  }[];
  readonly workingOrders: readonly {
    readonly clientOrderId: string;
    readonly symbol: string;
    readonly side: string;
    readonly quantity: number;
    readonly filledQuantity: number;
    readonly status: string;
  }[];
  readonly differences: readonly { readonly item: string; readonly symbol?: string }[];
  readonly risk: {
    readonly tripped: readonly string[];
    readonly dailyLossFrac: number;
    readonly drawdownFrac: number;
  };
  /** Absent where the run tells of none. */
  readonly alerts?: readonly { readonly rule: string; readonly subject: string; readonly severity: string }[];
  readonly models: readonly {
    readonly id: string;
    readonly pairs: number;
    readonly icShrunk: number;
    readonly weight: number;
  }[];
}

/** The answer of `sametape ctl RUN status` for a person: first whether it trades, then what it holds. */
export function statusText(answer: Json): string {
  if (answer !== null && typeof answer === 'object' && 'isStarting' in answer) return 'starting';
  const status = answer as unknown as EngineStatus;
  const { positions, workingOrders, differences, models, risk } = status;
  const parts = [
    renderTable(
      [{ title: '' }, { title: '' }],
      [
        ['entries', entriesText(status)],
        ['time', timeText(status)],
        ['equity', `${money(status.equityMicros)}, cash ${money(status.cashMicros)}`],
        ['P&L', `${signedMoney(status.realizedMicros)} realised, fees ${money(status.feesMicros)}`],
        ['losses', `${percent(risk.dailyLossFrac)} today, ${percent(risk.drawdownFrac)} below the peak`],
        ['positions', countText(positions.length)],
        ['orders', `${countText(workingOrders.length)} working`],
        ...(status.alerts === undefined ? [] : [['alerts', alertsText(status.alerts)]]),
        ['books', differences.length === 0 ? 'as the broker has them' : differencesText(differences)],
      ],
    ),
  ];
  if (positions.length > 0) parts.push(positionsTable(positions));
  if (workingOrders.length > 0) parts.push(ordersTable(workingOrders));
  if (models.length > 0) parts.push(modelsTable(models));
  return parts.join('\n\n');
}

/** Whether anything may be entered, and what a person has to do where not. */
function entriesText({ risk, isPaused, lost }: EngineStatus): string {
  const others = lost.filter((source) => source !== 'clock');
  const held = [
    ...(risk.tripped.length > 0 ? [`KILLED (${risk.tripped.join(', ')}), "reset" trades again`] : []),
    ...(isPaused ? ['PAUSED, "resume" goes on'] : []),
    ...(lost.includes('clock')
      ? ["held: this machine's clock was set back, no cycle runs; set it right"]
      : []),
    ...(others.length > 0 ? [`held: ${others.join(', ')} lost`] : []),
  ];
  return held.length === 0 ? 'allowed' : held.join('; ');
}

function timeText({ timeUs, session, isSessionOpen }: EngineStatus): string {
  if (session === '') return 'before the first session';
  return `${formatNewYork(timeUs)} New York, session ${session} ${isSessionOpen ? 'open' : 'closed'}`;
}

function countText(count: number): string {
  return count === 0 ? 'none' : number(count);
}

function alertsText(alerts: NonNullable<EngineStatus['alerts']>): string {
  if (alerts.length === 0) return 'none open';
  const told = alerts.map(({ rule, subject, severity }) => `${severity} ${rule} ${subject}`.trim());
  return `open: ${told.join(', ')}`;
}

function differencesText(differences: EngineStatus['differences']): string {
  const items = differences.map(({ item, symbol }) => (symbol === undefined ? item : `${item} ${symbol}`));
  return `DIFFER from the broker's: ${items.join(', ')}`;
}

function positionsTable(positions: EngineStatus['positions']): string {
  const right = 'right' as const;
  return renderTable(
    [
      { title: 'position' },
      { title: 'shares', align: right },
      { title: 'mark $', align: right },
      { title: 'value', align: right },
      { title: 'unrealised', align: right },
    ],
    positions.map(({ symbol, shares, markE4, costMicros }) => {
      const valueMicros = shares * markE4 * 100;
      return [
        symbol,
        number(shares),
        number(markE4 / 10_000, 2),
        signedMoney(valueMicros),
        signedMoney(valueMicros - costMicros),
      ];
    }),
  );
}

function ordersTable(orders: EngineStatus['workingOrders']): string {
  return renderTable(
    [{ title: 'order' }, { title: '' }, { title: 'filled', align: 'right' }, { title: 'state' }],
    orders.map(({ clientOrderId, symbol, side, quantity, filledQuantity, status }) => [
      clientOrderId,
      `${side} ${number(quantity)} ${symbol}`,
      number(filledQuantity),
      status,
    ]),
  );
}

function modelsTable(models: EngineStatus['models']): string {
  return renderTable(
    [
      { title: 'model' },
      { title: 'weight', align: 'right' },
      { title: 'IC', align: 'right' },
      { title: 'pairs', align: 'right' },
    ],
    models.map(({ id, weight, icShrunk, pairs }) => [
      id,
      number(weight, 3),
      number(icShrunk, 3),
      number(pairs),
    ]),
  );
}
