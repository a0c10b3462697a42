import type { AlertRule, AlertSettings } from '../domain/alert-settings.ts';
import { HAS_ASK, HAS_BID } from '../domain/market-table.ts';
import type { TimeUs } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';

/** What a rule makes of an event. A subject is one of few: causes, limits, sources, codes, stages. */
export type Sighting = {
  readonly rule: AlertRule;
  /** Tells alerts of one rule apart; empty where it has one. */
  readonly subject: string;
  readonly text: string;
} & (
  | {
      readonly kind: 'seen';
      /** It lasts until it is said to be over; otherwise it is over when it has been quiet for a while. */
      readonly lasts: boolean;
    }
  | { readonly kind: 'over' }
);

/** Turns events into sightings. It remembers what an event alone does not show; nothing of it depends on a clock. */
export interface AlertRules {
  input(event: InputEvent): readonly Sighting[];
  derived(event: DerivedEvent): readonly Sighting[];
}

const NOTHING: readonly Sighting[] = [];
const HAS_QUOTE = HAS_BID | HAS_ASK;

export function createAlertRules({ rejections }: Pick<AlertSettings, 'rejections'>): AlertRules {
  const withoutBar = new Set<string>();
  const withoutQuote = new Set<string>();
  /** Who gave the newest command, and why. */
  let commanded = '';
  const burst = createBurst(rejections);

  function grewStale(stale: Set<string>, symbol: string, what: string): readonly Sighting[] {
    stale.add(symbol);
    return [{ kind: 'seen', lasts: true, rule: 'dataStale', subject: '', text: `${symbol} ${what}` }];
  }

  /** Symbols with a row in a slice are heard again. */
  function heard(event: Extract<InputEvent, { readonly type: 'MarketSlice' }>): readonly Sighting[] {
    if (withoutBar.size === 0 && withoutQuote.size === 0) return NOTHING;
    const { table, from, to } = event.slice;
    for (let row = from; row < to; row += 1) {
      const symbol = table.symbols[table.symbolIx[row]];
      withoutBar.delete(symbol);
      if ((table.flags[row] & HAS_QUOTE) === HAS_QUOTE) withoutQuote.delete(symbol);
    }
    return withoutBar.size + withoutQuote.size > 0 ? NOTHING : [freshAgain('every symbol is heard again')];
  }

  return {
    input: (event) => {
      switch (event.type) {
        case 'ConnectionLost':
          return [seenLasting('connectionLost', event.source, event.reason)];
        case 'ConnectionRestored':
          return [over('connectionLost', event.source, 'restored')];
        case 'DataGapDetected':
          return grewStale(
            withoutBar,
            event.symbol,
            event.lateBarUs === undefined ? 'has no bar' : 'has a bar that came behind its minute',
          );
        case 'MarketSlice':
          return heard(event);
        case 'SessionClosed': {
          if (withoutBar.size === 0 && withoutQuote.size === 0) return NOTHING;
          withoutBar.clear();
          withoutQuote.clear();
          return [freshAgain('the session closed')];
        }
        case 'OperatorCommanded':
          commanded = `${event.who}: ${event.why}`;
          return NOTHING;
        case 'OrderRejected':
          return burst.rejected(event.tUs, `${event.reason}: ${event.detail}`);
        default:
          return burst.look(event.tUs);
      }
    },
    derived: (event) => {
      switch (event.type) {
        case 'KillSwitchTripped':
          return [seenLasting('killSwitchTripped', event.cause, tripText(event, commanded))];
        case 'KillSwitchReset':
          return [over('killSwitchTripped', event.cause, `reset by ${event.by}`)];
        case 'RiskLimitWarned': {
          const whose = event.symbol ?? event.sector;
          const of = whose === undefined ? '' : `${whose} `;
          const text = `${of}at ${rounded(event.value)}, warned from ${rounded(event.threshold)}`;
          return [{ kind: 'seen', lasts: false, rule: 'riskLimitWarned', subject: event.limit, text }];
        }
        case 'QuoteStale':
          return grewStale(withoutQuote, event.symbol, 'has no fresh quote');
        case 'ReconciliationMismatched': {
          const { item, symbol, ours, theirs } = event;
          const what = symbol === undefined ? item : `${item} of ${symbol}`;
          return [
            seenLasting('reconciliationMismatched', '', `${what}: ours ${ours}, the broker's ${theirs}`),
          ];
        }
        case 'ReconciliationEnded':
          return event.mismatches > 0 ? NOTHING : [over('reconciliationMismatched', '', 'books agree again')];
        case 'ErrorRaised':
          return [errorSeen(event)];
        default:
          return NOTHING;
      }
    },
  };
}

/** Counts rejected orders over a span: the burst lasts while there are enough of them in it. */
function createBurst({ count, spanUs }: AlertSettings['rejections']) {
  const times: TimeUs[] = [];
  let isBurst = false;
  const text = (): string => `${times.length} orders rejected within ${rounded(spanUs / 60e6)} min`;
  const forget = (nowUs: TimeUs): void => {
    while (times.length > 0 && (times[0] ?? 0) <= nowUs - spanUs) times.shift();
  };
  return {
    rejected: (tUs: TimeUs, why: string): readonly Sighting[] => {
      forget(tUs);
      times.push(tUs);
      if (times.length < count) return NOTHING;
      isBurst = true;
      return [seenLasting('ordersRejected', '', `${text()}, the last for ${why}`)];
    },
    look: (tUs: TimeUs): readonly Sighting[] => {
      if (!isBurst) return NOTHING;
      forget(tUs);
      if (times.length >= count) return NOTHING;
      isBurst = false;
      return [over('ordersRejected', '', text())];
    },
  };
}

/** Codes of the engine's errors are few; the bound is for what brokers may come up with. */
const MAX_CODE_LENGTH = 64;

function errorSeen({ code, message }: Extract<DerivedEvent, { readonly type: 'ErrorRaised' }>): Sighting {
  const subject = code.slice(0, MAX_CODE_LENGTH);
  return { kind: 'seen', lasts: false, rule: 'errorRaised', subject, text: message };
}

function seenLasting(rule: AlertRule, subject: string, text: string): Sighting {
  return { kind: 'seen', lasts: true, rule, subject, text };
}

function over(rule: AlertRule, subject: string, text: string): Sighting {
  return { kind: 'over', rule, subject, text };
}

function freshAgain(text: string): Sighting {
  return over('dataStale', '', text);
}

function tripText(
  { cause, value, limit }: Extract<DerivedEvent, { readonly type: 'KillSwitchTripped' }>,
  commanded: string,
): string {
  switch (cause) {
    case 'operator':
      return `by ${commanded}`;
    case 'strict_error':
    case 'order_state':
      return 'an error stopped trading';
    default:
      return `${rounded(value)}, limit ${rounded(limit)}`;
  }
}

/** Four significant digits are what a person reads; the tape has the rest. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
