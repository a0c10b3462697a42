import type { Shares } from '../../domain/units.ts';
import { highestMicros, lowestMicros, symbolGrossMicros, worstShares } from './risk-book.ts';
import { type CheckResult, cutTo, notMeasured, passed, type RiskCase, valueMicros } from './risk-case.ts';

/** The position the order can lead to, signed towards its own side: same-side working orders count as filled. */
function reach({ position, workingBuy, workingSell, sign }: RiskCase): Shares {
  return position * sign + (sign === 1 ? workingBuy : workingSell);
}

/** A sum of micro-dollars as a fraction of equity; 0 where there is none to measure by, which passes nothing. */
function fracOf(micros: number, { book }: RiskCase): number {
  return book.equityMicros > 0 ? micros / book.equityMicros : 0;
}

/** Equity times a limit is compared in micro-dollars, so that a value exactly on its limit passes. */
function isInside(micros: number, limit: number, { book }: RiskCase): boolean {
  return book.equityMicros > 0 && micros <= limit * book.equityMicros;
}

export function positionLimit(order: RiskCase): CheckResult {
  const { book, settings, markE4 } = order;
  const held = reach(order);
  const afterMicros = valueMicros(Math.max(0, held + order.quantity), markE4);
  const limit = settings.maxPositionFrac;
  const value = fracOf(afterMicros, order);
  if (isInside(afterMicros, limit, order)) return passed({ value, limit });
  const room = Math.floor((limit * book.equityMicros) / valueMicros(1, markE4)) - held;
  return cutTo(order, room, { value, limit });
}

/** Largest position of the symbol, either way, before and after the order. */
function worstAround(order: RiskCase): { readonly before: Shares; readonly after: Shares } {
  const before = worstShares(order.book, order.draft.symbolIx);
  return { before, after: Math.max(before, Math.abs(reach(order) + order.quantity)) };
}

/** An order that does not add to the symbol's own worst case passes, however full the book is. */
export function grossLimit(order: RiskCase): CheckResult {
  const { book, settings, markE4, draft } = order;
  const limit = settings.maxGrossFrac;
  const { before, after } = worstAround(order);
  const restMicros = book.worst.grossMicros - symbolGrossMicros(book, draft.symbolIx);
  const grossMicros = restMicros + valueMicros(after, markE4);
  const value = fracOf(grossMicros, order);
  if (after === before || isInside(grossMicros, limit, order)) return passed({ value, limit });
  const room = Math.floor((limit * book.equityMicros - restMicros) / valueMicros(1, markE4)) - reach(order);
  return cutTo(order, room, { value, limit });
}

export function netLimit(order: RiskCase): CheckResult {
  const { book, settings, markE4, sign, draft } = order;
  const { worst } = book;
  const othersMicros =
    sign === 1
      ? worst.highestNetMicros - highestMicros(book, draft.symbolIx)
      : lowestMicros(book, draft.symbolIx) - worst.lowestNetMicros;
  const netMicros = othersMicros + valueMicros(reach(order) + order.quantity, markE4);
  const limit = settings.maxNetFrac;
  const isOver = netMicros > limit * book.equityMicros;
  return { kind: isOver ? 'blocked' : 'passed', value: fracOf(netMicros, order), limit };
}

/** Sum of absolute worst-case positions of the symbol's sector. Off for a symbol in no sector. */
export function sectorLimit(order: RiskCase): CheckResult {
  const { book, settings, markE4, draft } = order;
  const sector = book.rules.sectorIx[draft.symbolIx];
  const limit = settings.maxSectorFrac;
  if (sector < 0 || limit === undefined) return notMeasured();
  const { before, after } = worstAround(order);
  const restMicros = book.open.sectorMicros[sector] - symbolGrossMicros(book, draft.symbolIx);
  const sectorMicros = restMicros + valueMicros(after, markE4);
  const isOver = after !== before && !isInside(sectorMicros, limit, order);
  return { kind: isOver ? 'blocked' : 'passed', value: fracOf(sectorMicros, order), limit };
}
