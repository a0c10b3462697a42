import type { TimeUs } from '../domain/units.ts';
import type { DerivedEvent, KillCause, WarnedLimit } from '../events/derived.ts';
import type { InputEvent } from '../events/inputs.ts';
import { number, percent } from './format.ts';

/** What stands out in a run, in the order it is listed; the first three are marked on the curve of equity, too. */
export const INCIDENT_KINDS = [
  'kill switch',
  'error',
  'risk warning',
  'model',
  'data',
  'connection',
  'reconciliation',
  'operator',
  'corporate action',
] as const;
/** Those that are marked on the curve. */
export const MARKED_KINDS = INCIDENT_KINDS.slice(0, 3);
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

export interface Incident {
  readonly kind: IncidentKind;
  readonly tUs: TimeUs;
  /** The newest cycle, 0 before the first. */
  readonly cycle: number;
  readonly text: string;
}

/** All are counted, and the first of each kind are kept: a model that fails in every cycle must not fill the memory. */
export interface IncidentLog {
  readonly counts: Map<IncidentKind, number>;
  readonly kept: Incident[];
}

/** How many of a kind are kept. */
export const MOST_KEPT = 40;

export function createIncidentLog(): IncidentLog {
  return { counts: new Map(), kept: [] };
}

export function logIncident(log: IncidentLog, incident: Incident): void {
  const count = (log.counts.get(incident.kind) ?? 0) + 1;
  log.counts.set(incident.kind, count);
  if (count <= MOST_KEPT) log.kept.push(incident);
}

type Said = Pick<Incident, 'kind' | 'text'>;

/** What an input event has to say here; undefined for what is in the order of things. */
export function incidentOfInput(event: InputEvent): Said | undefined {
  switch (event.type) {
    case 'ArtifactWarned':
      return { kind: 'model', text: `${event.file}: ${event.detail} (${event.code})` };
    case 'InferenceFailed':
      return { kind: 'error', text: `inference failed: ${event.reason}` };
    case 'OperatorCommanded':
      return { kind: 'operator', text: `${event.command}, by ${event.who}: ${event.why}` };
    case 'ConfigChanged':
      return {
        kind: 'operator',
        text: `${event.limit} tightened to ${event.value}, by ${event.who}: ${event.why}`,
      };
    case 'SettingsChanged':
      return {
        kind: 'operator',
        text: `forked, with other settings: ${Object.keys(event.changes).join(', ')}`,
      };
    case 'ConnectionLost':
      return { kind: 'connection', text: `${event.source} lost: ${event.reason}` };
    case 'ConnectionRestored':
      return { kind: 'connection', text: `${event.source} restored` };
    case 'DataGapDetected':
      return {
        kind: 'data',
        text:
          event.lateBarUs === undefined
            ? `${event.symbol}: no bar for too long`
            : `${event.symbol}: a bar came behind its minute and was not taken`,
      };
    case 'TapeRecovered':
      return {
        kind: 'connection',
        text: `taken up again after ${number(event.records)} records${event.tornBytes > 0 ? `, ${event.tornBytes} torn bytes set aside` : ''}`,
      };
    case 'CorporateActionApplied': {
      const { symbol, kind } = event.action;
      return { kind: 'corporate action', text: `${symbol}: ${kind}` };
    }
    default:
      return undefined;
  }
}

/** The same, of a derived event. */
export function incidentOfDerived(event: DerivedEvent): Said | undefined {
  switch (event.type) {
    case 'KillSwitchTripped':
      return {
        kind: 'kill switch',
        text: `tripped by ${event.cause}${against(event.cause, event.value, event.limit)}`,
      };
    case 'KillSwitchReset':
      return { kind: 'kill switch', text: `${event.cause} reset, by ${event.by}` };
    case 'RiskLimitWarned': {
      const of = [event.symbol, event.sector].filter((name) => name !== undefined);
      const whose = of.length === 0 ? '' : ` of ${of.join(', ')}`;
      return {
        kind: 'risk warning',
        text: `${event.limit}${whose}${against(event.limit, event.value, event.threshold)}`,
      };
    }
    case 'ErrorRaised': {
      const symbol = event.symbol === undefined ? '' : `${event.symbol}: `;
      return { kind: 'error', text: `${symbol}${event.message} (${event.code})` };
    }
    case 'ModelFaulted': {
      const symbols = event.symbols === undefined ? '' : ` for ${event.symbols.join(', ')}`;
      return { kind: 'model', text: `${event.model}: ${event.reason}${symbols}` };
    }
    case 'CycleSkipped':
      return { kind: 'error', text: `cycle ${event.cycle} skipped: ${event.reason}` };
    case 'ReconciliationMismatched': {
      const what = [event.item, event.symbol].filter((part) => part !== undefined).join(' ');
      return {
        kind: 'reconciliation',
        text: `${what}: ${number(event.ours)} by our books, ${number(event.theirs)} by the broker's`,
      };
    }
    default:
      return undefined;
  }
}

/** Limits in fractions of equity; of the other causes, only repeated executions are counted. */
const FRACTIONS: ReadonlySet<KillCause | WarnedLimit> = new Set([
  'daily_loss',
  'drawdown',
  'loss_velocity',
  'position',
  'exposure',
  'net',
  'sector',
]);

function against(limit: KillCause | WarnedLimit, value: number, line: number): string {
  if (FRACTIONS.has(limit)) return `: ${percent(value, 3)} against ${percent(line, 3)}`;
  return limit === 'repeated_execution' ? `: ${number(value)} against ${number(line)}` : '';
}
