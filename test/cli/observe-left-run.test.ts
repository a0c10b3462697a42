import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { openObserver } from '../../src/cli/observe-run.ts';
import { loadScenario } from '../../src/config/load-scenario.ts';
import { parseSetOption } from '../../src/config/overrides.ts';
import type { DerivedEvent } from '../../src/events/derived.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { createRunCollector } from '../../src/report/collect.ts';
import type { Recorded } from '../../src/runtime/recorder.ts';
import { syntheticRun } from '../engine/synthetic-run.ts';
import { loopDesk } from '../runtime/loop-desk.ts';
import { projectRoot } from './sametape.ts';

const lost: InputEvent = { type: 'ConnectionLost', tUs: 10, source: 'broker', reason: 'reset' };
const killed: DerivedEvent = { type: 'KillSwitchTripped', cause: 'drawdown', value: 0.2, limit: 0.1 };

describe('alerts of a run that is taken up again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sametape-left-'));
  const file = join(folder, 'state', 'alerts.jsonl');
  mkdirSync(join(folder, 'state'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Shows an observer the tape of the run that was left, then the run that goes on. @returns what it says */
  async function takenUp(): Promise<string[]> {
    const run = syntheticRun({ synth: { symbols: 2, sessions: 1 } });
    const { engine } = loopDesk(run);
    const said: string[] = [];
    const observer = await openObserver({
      scenario: loadScenario({
        file: join(projectRoot, 'scenarios/quickstart.yaml'),
        overrides: [parseSetOption('alerts.enabled=true', projectRoot)],
      }),
      ...{ speed: 1, leftDir: folder, say: (line) => said.push(line) },
    });
    const inputs$ = new Subject<Recorded<InputEvent>>();
    const derived$ = new Subject<Recorded<DerivedEvent>>();
    observer.past(run.identity, { inputs$, derived$ });
    inputs$.next({ seq: 1, tUs: 10, event: lost });
    inputs$.next({ seq: 2, tUs: 20, event: { type: 'Heartbeat', tUs: 20 } });
    derived$.next({ seq: 3, tUs: 20, event: killed });
    const present$ = new Subject<Recorded<InputEvent>>();
    const streams = { inputs$: present$, derived$ };
    const { symbols } = run.identity.layout;
    observer.attach({
      ...{ identity: run.identity, runId: 'r', runDir: folder, streams, engine, tapeSeq: () => 3 },
      collector: createRunCollector({ symbols, initialCashMicros: 1 }),
    });
    await observer.close();
    // nobody is told of what comes while it closes
    present$.next({
      seq: 4,
      tUs: 40,
      event: { type: 'ConnectionLost', tUs: 40, source: 'clock', reason: 'x' },
    });
    await observer.close();
    return said;
  }

  const open = [
    'alert still open: connectionLost broker: reset',
    'alert still open: killSwitchTripped drawdown: 0.2, limit 0.1',
  ];

  it('are told as open where the run told of none before', async () => {
    expect(await takenUp()).toEqual([...open, ...open]);
  });

  it('are told once more where a crash kept them from the file, and the others only as open', async () => {
    const told = { kind: 'started', rule: 'connectionLost', subject: 'broker', seq: 1 };
    writeFileSync(file, `${JSON.stringify(told)}\n{"kind":"star`);
    const [first, ...rest] = await takenUp();
    expect(first).toBe('alert CRITICAL: killSwitchTripped drawdown: 0.2, limit 0.1');
    expect(rest).toEqual([...open, ...open]);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
      ...['started', 'started', 'open', 'open', 'open', 'open'],
    ]);
  });
});
