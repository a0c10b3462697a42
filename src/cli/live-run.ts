import { join, resolve } from 'node:path';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { toLatencySettings } from '../config/sections/latency.ts';
import { formatNewYork, sessionsFrom } from '../data/calendar.ts';
import type { AlertRule } from '../domain/alert-settings.ts';
import type { TimeUs } from '../domain/units.ts';
import { withoutSecretValues } from '../files/secret-values.ts';
import type { LiveOptions, LiveStart } from '../modes/live-options.ts';
import type { RunMode } from '../modes/run-identity.ts';
import { createLatencyMonitor } from '../observability/latency.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import { lockAccount, userStateDir } from '../tape/account-lock.ts';
import { runFolderAt, writeJsonAtomic } from '../tape/run-folder.ts';
import { latencyText } from './latency-text.ts';
import { openObserver } from './observe-run.ts';
import { expectOnlyRun } from './only-run.ts';
import { writeRun } from './run-text.ts';

export interface LiveCommand {
  readonly scenario: LoadedScenario;
  readonly kind: RunMode['kind'];
  readonly out: string;
  readonly speed: number | 'max';
  readonly sessions: number;
  readonly metricsPort?: number | undefined;
  readonly json?: boolean;
  readonly confirm?: (start: LiveStart) => Promise<void>;
}

/** Runs a scenario on a live source, from the command line: goes on with a run that was left, and says what happens. */
export async function runLiveCommand(command: LiveCommand): Promise<void> {
  const { scenario, kind, sessions } = command;
  const outDir = resolve(command.out);
  const [{ runLive }, { liveClock }, { openOperatorLine }, { findUnfinished, resumeLive }] =
    await Promise.all([
      import('../modes/live.ts'),
      import('./live-clock.ts'),
      import('../modes/operator-line.ts'),
      import('../research/resume-live.ts'),
    ]);
  const leftDir = findUnfinished(outDir, { name: scenario.name, kind });
  const clock = liveClock({ scenario, speed: command.speed, leftDir });
  const say = (line: string): void => {
    process.stderr.write(`sametape: ${withoutSecretValues(line)}\n`);
  };
  if (leftDir !== undefined) say(`going on with ${leftDir}`);
  const observer = await openObserver({ ...command, leftDir, say });
  const monitor = createLatencyMonitor({
    settings: toLatencySettings(scenario.scenario.latency),
    onLap: observer.lap,
    onExceeded: (event) => {
      observer.exceeded(event);
      const { severity, stage, elapsedMs, limitMs, times } = event;
      // the first of a kind is worth a line, the rest are counted
      if (times === 1 && !observer.tells('latencyExceeded'))
        say(`${severity}: ${stage} took ${elapsedMs.toFixed(1)} ms, limit ${limitMs} ms`);
    },
  });
  const startedUs = clock.nowUs();
  const interrupted = new AbortController();
  const onSignal = (): void => interrupted.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const result = await runLive({
      scenario,
      outDir,
      kind,
      clock,
      sessionCount: sessions,
      ...(await portsOf(scenario)),
      openControls: (controls) => {
        say(`run ${controls.runDir}`);
        const [next] = sessionsFrom({ sessions: 1, fromUs: clock.nowUs() });
        if (next !== undefined && next.openUs > clock.nowUs()) {
          say(`the next session opens on ${formatNewYork(next.openUs)} New York`);
        }
        return openOperatorLine(controls, { telemetry: observer.status });
      },
      ...(leftDir === undefined ? {} : await resumeOf(leftDir, resumeLive)),
      lockAccount: (account) => lockAccount({ ...account, stateDir: userStateDir(process.env) }),
      confirm: async (start) => {
        await command.confirm?.(start);
        if (kind === 'live' && !start.isResumed) expectOnlyRun(outDir, scenario.name);
      },
      signal: interrupted.signal,
      latency: monitor,
      observer,
      attach: (streams) => tellEvents(streams, { say, startedUs, isTold: observer.tells }),
      onTrouble: (error) =>
        say(`warning: ${error instanceof Error ? error.message : String(error)}; trying again`),
    });
    if (!result.isClosed) say(`left unfinished; start it again and it goes on where it stands`);
    writeJsonAtomic(join(runFolderAt(result.runDir).stateDir, 'latency.json'), monitor.snapshot());
    await writeRun(result, { json: command.json === true });
    const latencies = latencyText(monitor.summaries());
    if (command.json !== true && latencies !== '') process.stdout.write(`\n${latencies}\n`);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await observer.close();
  }
}

async function portsOf(scenario: LoadedScenario): Promise<Pick<LiveOptions, 'openSource' | 'openBroker'>> {
  const [{ openSource }, { openBroker }, { createSimulatedBroker }] = await Promise.all([
    import('../modes/open-source.ts'),
    import('../modes/open-broker.ts'),
    import('../brokers/simulated/broker.ts'),
  ]);
  const environment = process.env;
  return {
    openSource: (spec) => openSource(scenario, { ...spec, environment }),
    openBroker: async ({ settings, symbols, clock }) =>
      scenario.scenario.broker.source === 'simulated'
        ? createSimulatedBroker({
            settings: settings.exchange,
            symbols,
            initialCashMicros: settings.initialCashMicros,
          })
        : openBroker(scenario, { environment, clock }),
  };
}

async function resumeOf(
  leftDir: string,
  resumeLive: typeof import('../research/resume-live.ts').resumeLive,
): Promise<Pick<LiveOptions, 'resume' | 'resumed'>> {
  const { recordedIdentity } = await import('../research/recorded-scenario.ts');
  return {
    resumed: recordedIdentity(runFolderAt(leftDir).tapeDir),
    resume: (hooks) => resumeLive(leftDir, hooks),
  };
}

/** What a person who watches wants to hear; the rest is on the tape. */
export function tellEvents(
  streams: RunStreams,
  {
    say,
    startedUs,
    isTold = () => false,
  }: {
    readonly say: (line: string) => void;
    readonly startedUs: TimeUs;
    /** Whether alerts tell of it already. */
    readonly isTold?: (rule: AlertRule) => boolean;
  },
): void {
  /** Of the session that history is taken in of: it is over, and nothing is traded in it. */
  let warmingUp = '';
  streams.inputs$.subscribe(({ event }) => {
    if (event.type === 'SessionOpened') {
      warmingUp = event.session.closeUs <= startedUs ? event.session.date : '';
      if (warmingUp === '') say(`session ${event.session.date} opened`);
    } else if (event.type === 'SessionClosed')
      say(`session ${event.date} ${event.date === warmingUp ? 'read for warm-up' : 'closed'}`);
    else if (event.type === 'OperatorCommanded') say(`${event.who}: ${event.command} (${event.why})`);
    else if (event.type === 'ConfigChanged')
      say(`${event.who}: risk.${event.limit} ${event.value} (${event.why})`);
    else if (isTold('connectionLost')) return;
    else if (event.type === 'ConnectionLost') say(`warning: ${event.source} lost: ${event.reason}`);
    else if (event.type === 'ConnectionRestored') say(`${event.source} restored`);
  });
  streams.derived$.subscribe(({ event }) => {
    if (event.type === 'ErrorRaised') {
      if (!isTold('errorRaised')) say(`error ${event.code}: ${event.message}`);
    } else if (isTold('killSwitchTripped')) return;
    else if (event.type === 'KillSwitchTripped')
      say(`KILLED: ${event.cause} ${event.value}, limit ${event.limit}`);
    else if (event.type === 'KillSwitchReset') say(`kill reset: ${event.cause} by ${event.by}`);
  });
}
