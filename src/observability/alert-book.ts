import type { AlertRule, AlertSettings, AlertSeverity } from '../domain/alert-settings.ts';
import { type TimeUs, US_PER_HOUR, US_PER_MINUTE } from '../domain/units.ts';
import type { Sighting } from './alert-rules.ts';

/** What is told of an alert: that it started, that it ended, or that it is open where a run stops or is taken up. */
export interface AlertNotice {
  readonly kind: 'started' | 'ended' | 'open';
  readonly rule: AlertRule;
  readonly subject: string;
  readonly severity: AlertSeverity;
  readonly text: string;
  /** Logical time of the event that it follows from, and of the first sighting. */
  readonly tUs: TimeUs;
  readonly sinceUs: TimeUs;
  /** How often it was seen since. */
  readonly times: number;
  /** Starts and ends before this one that were not told, because there were too many of them. */
  readonly withheld: number;
  /** Sequence number of the input on the tape; absent where the tape knows nothing of it. */
  readonly seq?: number;
}

export interface Place {
  readonly tUs: TimeUs;
  readonly seq?: number;
}

/** An alert that is open now. */
export type OpenAlert = Pick<AlertNotice, 'rule' | 'subject' | 'severity' | 'text' | 'sinceUs' | 'times'>;

export interface AlertBook {
  take(sighting: Sighting, at: Place): readonly AlertNotice[];
  /** Time has come this far: what was quiet ends, what was withheld is told. */
  look(at: Place): readonly AlertNotice[];
  /** Tells of everything that is open. */
  stand(at: Place): readonly AlertNotice[];
  /** By rule, then subject, in the order they started. */
  open(): readonly OpenAlert[];
}

interface Entry {
  readonly rule: AlertRule;
  readonly subject: string;
  readonly severity: AlertSeverity;
  isOpen: boolean;
  text: string;
  sinceUs: TimeUs;
  times: number;
  /** Newest sighting, for what ends by being quiet; undefined for what is said to be over. */
  quietSinceUs: TimeUs | undefined;
  /** When it was told, within the last hour. */
  toldUs: TimeUs[];
  withheld: number;
}

/** A code nobody thought of is no reason to grow without bound: alerts beyond these share one subject. */
const MAX_SUBJECTS_PER_RULE = 64;
const OTHER = 'other';

/**
 * Open alerts, each told once when it starts and once when it ends; what is seen meanwhile is counted. Beyond
 * `maxPerHour` an alert that comes and goes is told later, as it then stands, with the number of changes before.
 */
export function createAlertBook(settings: AlertSettings): AlertBook {
  const entries = new Map<string, Entry>();
  const subjects = new Map<AlertRule, Set<string>>();
  /** Nothing happens by itself before this time. */
  let dueUs = Number.POSITIVE_INFINITY;
  const quietText = `not seen for ${settings.quietUs / US_PER_MINUTE} min`;

  function severityOf({ rule, subject }: Sighting): AlertSeverity | 'off' {
    const ofCode = rule === 'errorRaised' && Object.hasOwn(settings.errorSeverities, subject);
    return ofCode ? (settings.errorSeverities[subject] ?? 'off') : settings.severities[rule];
  }

  function subjectOf({ rule, subject }: Sighting): string {
    const known = subjects.get(rule) ?? new Set<string>();
    subjects.set(rule, known);
    if (!known.has(subject) && known.size >= MAX_SUBJECTS_PER_RULE) return OTHER;
    known.add(subject);
    return subject;
  }

  /** Tells that it started or ended, unless that was told too often within the hour. */
  function change(entry: Entry, at: Place): readonly AlertNotice[] {
    entry.toldUs = entry.toldUs.filter((tUs) => tUs > at.tUs - US_PER_HOUR);
    if (entry.toldUs.length >= settings.maxPerHour) {
      entry.withheld += 1;
      dueUs = Math.min(dueUs, (entry.toldUs[0] ?? at.tUs) + US_PER_HOUR);
      return [];
    }
    entry.toldUs.push(at.tUs);
    return [noticeOf(entry, entry.isOpen ? 'started' : 'ended', at)];
  }

  function noticeOf(entry: Entry, kind: AlertNotice['kind'], at: Place): AlertNotice {
    const { rule, subject, severity, text, sinceUs, times, withheld } = entry;
    entry.withheld = 0;
    const { tUs, seq } = at;
    const notice = { kind, rule, subject, severity, text, tUs, sinceUs, times, withheld };
    return seq === undefined ? notice : { ...notice, seq };
  }

  function see(sighting: Extract<Sighting, { readonly kind: 'seen' }>, at: Place): readonly AlertNotice[] {
    const severity = severityOf(sighting);
    if (severity === 'off') return [];
    const { rule, text, lasts } = sighting;
    const subject = subjectOf(sighting);
    const key = `${rule} ${subject}`;
    const entry: Entry = entries.get(key) ?? {
      ...{ rule, subject, severity, text, isOpen: false, sinceUs: at.tUs, times: 0 },
      ...{ quietSinceUs: undefined, toldUs: [], withheld: 0 },
    };
    entries.set(key, entry);
    entry.quietSinceUs = lasts ? undefined : at.tUs;
    if (!lasts) dueUs = Math.min(dueUs, at.tUs + settings.quietUs);
    if (entry.isOpen) {
      entry.times += 1;
      return [];
    }
    // nobody has heard of the times before, where their end was withheld
    if (entry.withheld > 0) entry.times += 1;
    else Object.assign(entry, { sinceUs: at.tUs, times: 1 });
    Object.assign(entry, { isOpen: true, text });
    return change(entry, at);
  }

  function end(entry: Entry | undefined, text: string, at: Place): readonly AlertNotice[] {
    if (entry?.isOpen !== true) return [];
    Object.assign(entry, { isOpen: false, text });
    return change(entry, at);
  }

  function look(at: Place): readonly AlertNotice[] {
    if (at.tUs < dueUs) return [];
    dueUs = Number.POSITIVE_INFINITY;
    return [...entries.values()].flatMap((entry) => {
      const { quietSinceUs, isOpen, withheld, toldUs } = entry;
      if (isOpen && quietSinceUs !== undefined) {
        const quietFromUs = quietSinceUs + settings.quietUs;
        if (at.tUs >= quietFromUs) return end(entry, quietText, at);
        dueUs = Math.min(dueUs, quietFromUs);
      }
      if (withheld === 0) return [];
      const freeUs = (toldUs[0] ?? 0) + US_PER_HOUR;
      if (at.tUs >= freeUs) {
        // the newest of them is what is told now
        entry.withheld -= 1;
        return change(entry, at);
      }
      dueUs = Math.min(dueUs, freeUs);
      return [];
    });
  }

  return {
    take: (sighting, at) => {
      if (sighting.kind === 'seen') return see(sighting, at);
      return end(entries.get(`${sighting.rule} ${subjectOf(sighting)}`), sighting.text, at);
    },
    look,
    stand: (at) =>
      [...entries.values()].flatMap((entry) => {
        if (!entry.isOpen && entry.withheld === 0) return [];
        entry.withheld = Math.max(0, entry.withheld - 1);
        return [noticeOf(entry, entry.isOpen ? 'open' : 'ended', at)];
      }),
    open: () =>
      [...entries.values()]
        .filter(({ isOpen }) => isOpen)
        .map(({ rule, subject, severity, text, sinceUs, times }) => ({
          ...{ rule, subject, severity, text, sinceUs, times },
        })),
  };
}
