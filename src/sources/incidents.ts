import type { Incident, SourceScript } from '../domain/incidents.ts';
import type { Session } from '../domain/market-table.ts';
import { US_PER_MINUTE } from '../domain/units.ts';
import type { InputEvent } from '../events/inputs.ts';

export interface ScriptOptions extends SourceScript {
  readonly session: Session;
}

/** Order of events of one time: operator, connection, heartbeat. */
const RANK = { OperatorCommanded: 0, ConnectionLost: 1, ConnectionRestored: 1, Heartbeat: 2 } as const;
type Scripted = Extract<InputEvent, { readonly type: keyof typeof RANK }>;

/**
 * The events of one session with what the scenario rehearses in it, before the market events of the same time and after
 * what belongs to the opening.
 */
export function withScript(events: Iterable<InputEvent>, options: ScriptOptions): Iterable<InputEvent> {
  const script = scriptOf(options);
  return script.length === 0 ? events : interleave(events, script);
}

function* interleave(events: Iterable<InputEvent>, script: readonly Scripted[]): Generator<InputEvent> {
  let next = 0;
  for (const event of events) {
    const isMarket =
      event.type === 'MarketSlice' || event.type === 'CycleDue' || event.type === 'SessionClosed';
    while (isMarket && next < script.length && script[next].tUs <= event.tUs) {
      yield script[next];
      next += 1;
    }
    yield event;
  }
}

function scriptOf({ session, incidents, heartbeatMinutes }: ScriptOptions): readonly Scripted[] {
  const script = incidents
    .filter((incident) => incident.session === session.date)
    .map((incident) => scripted(incident, session.openUs + incident.minute * US_PER_MINUTE));
  if (heartbeatMinutes > 0) {
    const spacingUs = heartbeatMinutes * US_PER_MINUTE;
    for (let tUs = session.openUs + spacingUs; tUs <= session.closeUs; tUs += spacingUs) {
      script.push({ type: 'Heartbeat', tUs });
    }
  }
  return script.sort((a, b) => a.tUs - b.tUs || RANK[a.type] - RANK[b.type]);
}

function scripted(incident: Incident, tUs: number): Scripted {
  switch (incident.kind) {
    case 'operator': {
      const { command, why } = incident;
      return { type: 'OperatorCommanded', tUs, command, who: 'scenario', why };
    }
    case 'connection_lost':
      return { type: 'ConnectionLost', tUs, source: incident.source, reason: incident.reason };
    case 'connection_restored':
      return { type: 'ConnectionRestored', tUs, source: incident.source };
  }
}
