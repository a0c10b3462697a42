import type { AlertRule, AlertSettings } from '../domain/alert-settings.ts';
import type { TimeUs } from '../domain/units.ts';
import type { DerivedEvent } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { withoutSecretValues } from '../files/secret-values.ts';
import { type AlertNotice, createAlertBook, type OpenAlert, type Place } from './alert-book.ts';
import { createAlertRules } from './alert-rules.ts';
import type { LatencyExceeded } from './latency.ts';

/** An event as it was recorded. */
export interface Seen<E> {
  readonly seq: number;
  readonly tUs: TimeUs;
  readonly event: E;
}

/** Where notices go. It keeps nobody waiting, and throws nothing that stops others from being told. */
export type AlertSink = (notice: AlertNotice) => void;

/** The alerts of one run, from its events to its sinks. */
export interface Alerts {
  input(seen: Seen<InputEvent>): void;
  derived(seen: Seen<DerivedEvent>): void;
  exceeded(event: LatencyExceeded): void;
  /** No cycle though one was due; `undefined`: cycles go on. */
  heartbeatMissed(text: string | undefined): void;
  /** Tells of what is open where a run stops, or is taken up again. */
  stand(): void;
  open(): readonly OpenAlert[];
  /** Notices told, by rule. */
  readonly told: ReadonlyMap<AlertRule, number>;
}

const SHOWN = 300;

/**
 * @param options.fromUs what was recorded before is history that the run took in, and nobody is told of it
 * @param options.isTold whether a notice was told before a crash: the tape that a run is rebuilt from gives it again
 */
export function createAlerts(
  settings: AlertSettings,
  options: {
    readonly fromUs: TimeUs;
    readonly sinks: readonly AlertSink[];
    readonly isTold?: (notice: AlertNotice) => boolean;
  },
): Alerts {
  const { fromUs, sinks, isTold = () => false } = options;
  const rules = createAlertRules(settings);
  const book = createAlertBook(settings);
  const told = new Map<AlertRule, number>();
  /** Of the newest input: what follows from it has its place, and what the tape does not know has its time. */
  let at: Required<Place> = { tUs: fromUs, seq: 0 };

  function tell(notices: readonly AlertNotice[]): void {
    for (const notice of notices) {
      if (isTold(notice)) continue;
      told.set(notice.rule, (told.get(notice.rule) ?? 0) + 1);
      const shown = { ...notice, text: fitToShow(notice.text) };
      for (const sink of sinks) sink(shown);
    }
  }

  const offTape = (): Place => ({ tUs: at.tUs });
  return {
    input: ({ event, seq, tUs }) => {
      if (tUs < fromUs) return;
      at = { tUs, seq };
      tell(book.look(at));
      for (const sighting of rules.input(event)) tell(book.take(sighting, at));
    },
    derived: ({ event, tUs }) => {
      if (tUs < fromUs) return;
      for (const sighting of rules.derived(event)) tell(book.take(sighting, at));
    },
    exceeded: ({ stage, elapsedMs, limitMs }) => {
      const text = `took ${elapsedMs.toFixed(1)} ms, limit ${limitMs} ms`;
      tell(
        book.take({ kind: 'seen', lasts: false, rule: 'latencyExceeded', subject: stage, text }, offTape()),
      );
    },
    heartbeatMissed: (text) => {
      const sighting = { rule: 'noHeartbeat', subject: '' } as const;
      tell(
        book.take(
          text === undefined
            ? { ...sighting, kind: 'over', text: 'cycles go on' }
            : { ...sighting, kind: 'seen', lasts: true, text },
          offTape(),
        ),
      );
    },
    stand: () => tell(book.stand(offTape())),
    open: () => book.open().map((alert) => ({ ...alert, text: fitToShow(alert.text) })),
    told,
  };
}

/** One line, bounded, and without any secret that was read: texts quote brokers, and whoever gave a command. */
function fitToShow(text: string): string {
  return withoutSecretValues(text)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, SHOWN);
}

/** A notice as a person reads it, on one line. */
export function noticeLine({ kind, rule, subject, severity, text, times, withheld }: AlertNotice): string {
  const what = subject === '' ? rule : `${rule} ${subject}`;
  const often = kind === 'started' || times === 1 ? '' : `, seen ${times} times`;
  const changes = withheld === 1 ? '1 change that was' : `${withheld} changes that were`;
  const before = withheld === 0 ? '' : `, after ${changes} not told`;
  const state = kind === 'started' ? severity.toUpperCase() : kind === 'ended' ? 'over' : 'still open';
  return `alert ${state}: ${what}: ${text}${often}${before}`;
}
