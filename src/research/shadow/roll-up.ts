import { compareCodeUnits } from '../../domain/compare.ts';
import { exactMicros } from '../../domain/money.ts';
import type { Bps, MoneyMicros } from '../../domain/units.ts';
import { ratio } from '../../report/measures.ts';
import { addParts, type Parts, type SymbolShortfall, shortfallOf } from './attribute.ts';

/** Parts in the order a decision meets them. */
const ORDER = [
  'delay',
  'waiting',
  'spread',
  'slippage',
  'fees',
  'missed',
  'refused',
  'drift',
  'borrow',
  'carried',
  'books',
] as const;

/** What a shortfall is attributed to; see `Parts`. */
export type PartName = (typeof ORDER)[number];

export interface PartLine {
  readonly part: PartName;
  /** Of a refusal. */
  readonly reason: string | undefined;
  readonly simulatedMicros: MoneyMicros;
  readonly actualMicros: MoneyMicros;
  readonly shortfallMicros: MoneyMicros;
}

/** Parts as a list, refusals by reason. */
export function listParts(parts: Parts): PartLine[] {
  const lines = [...parts].map(([name, { simulatedMicros, actualMicros }]): PartLine => {
    const [part, reason] = name.split(' ');
    const shortfallMicros = actualMicros - simulatedMicros;
    return { part: part as PartName, reason, simulatedMicros, actualMicros, shortfallMicros };
  });
  return lines.sort(
    (a, b) =>
      ORDER.indexOf(a.part) - ORDER.indexOf(b.part) || compareCodeUnits(a.reason ?? '', b.reason ?? ''),
  );
}

/** A session, a symbol, a horizon, or all of them: what both sides gained, and what the difference is made of. */
export interface ShortfallGroup {
  /** Null: what is of no symbol, or of no order that a horizon decided. */
  readonly key: string | null;
  readonly simulatedMicros: MoneyMicros;
  readonly actualMicros: MoneyMicros;
  readonly tradedMicros: MoneyMicros;
  readonly parts: Parts;
}

export interface RolledUp {
  readonly total: ShortfallGroup;
  /** By date. */
  readonly sessions: readonly ShortfallGroup[];
  /** The largest shortfall first, as horizons are. */
  readonly symbols: readonly ShortfallGroup[];
  readonly horizons: readonly ShortfallGroup[];
}

type OpenGroup = { -readonly [K in keyof ShortfallGroup]: ShortfallGroup[K] };

export function rollUp(rows: readonly SymbolShortfall[]): RolledUp {
  const total = newGroup(null);
  const sessions = new Map<string | null, OpenGroup>();
  const symbols = new Map<string | null, OpenGroup>();
  const horizons = new Map<string | null, OpenGroup>();
  for (const row of rows) {
    for (const group of [total, groupOf(sessions, row.date), groupOf(symbols, row.symbol)]) add(group, row);
    let { simulatedMicros, actualMicros } = row;
    for (const order of row.orders) {
      const gains = {
        simulatedMicros: order.simulated?.gainMicros ?? 0,
        actualMicros: order.actual?.gainMicros ?? 0,
      };
      add(groupOf(horizons, order.horizon), {
        ...gains,
        parts: order.parts,
        tradedMicros: order.tradedMicros,
      });
      simulatedMicros -= gains.simulatedMicros;
      actualMicros -= gains.actualMicros;
    }
    if (row.restParts.size === 0) continue;
    add(groupOf(horizons, null), { simulatedMicros, actualMicros, parts: row.restParts, tradedMicros: 0 });
  }
  return {
    total,
    sessions: [...sessions.values()].sort((a, b) => compareCodeUnits(a.key ?? '', b.key ?? '')),
    symbols: worstFirst(symbols),
    horizons: worstFirst(horizons),
  };
}

/** What shares that both sides decided on would have gained at the mids they were decided on: the same for both. */
export function paperMicrosOf({
  actualMicros,
  parts,
}: Pick<ShortfallGroup, 'actualMicros' | 'parts'>): MoneyMicros {
  let paper = actualMicros;
  for (const cost of parts.values()) paper += cost.actualMicros;
  return exactMicros(paper);
}

/** Of what was traded; null where nothing was. */
export function bpsOf(
  micros: MoneyMicros,
  { tradedMicros }: { readonly tradedMicros: MoneyMicros },
): Bps | null {
  return ratio(micros * 1e4, tradedMicros);
}

function groupOf(groups: Map<string | null, OpenGroup>, key: string | null): OpenGroup {
  const known = groups.get(key);
  if (known !== undefined) return known;
  const group = newGroup(key);
  groups.set(key, group);
  return group;
}

function newGroup(key: string | null): OpenGroup {
  return { key, simulatedMicros: 0, actualMicros: 0, tradedMicros: 0, parts: new Map() };
}

function add(group: OpenGroup, more: Omit<ShortfallGroup, 'key'>): void {
  group.simulatedMicros = exactMicros(group.simulatedMicros + more.simulatedMicros);
  group.actualMicros = exactMicros(group.actualMicros + more.actualMicros);
  group.tradedMicros = exactMicros(group.tradedMicros + more.tradedMicros);
  addParts(group.parts, more.parts);
}

function worstFirst(groups: ReadonlyMap<string | null, ShortfallGroup>): ShortfallGroup[] {
  return [...groups.values()].sort(
    (a, b) => shortfallOf(b.parts) - shortfallOf(a.parts) || compareCodeUnits(a.key ?? '', b.key ?? ''),
  );
}
