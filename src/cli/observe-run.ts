import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Subscription } from 'rxjs';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { readSecret, secretReferences } from '../config/secrets.ts';
import { toAlertSettings } from '../config/sections/alerts.ts';
import type { AlertRule } from '../domain/alert-settings.ts';
import type { LatencyStage } from '../domain/latency.ts';
import { US_PER_MINUTE, US_PER_SECOND } from '../domain/units.ts';
import type { JsonObject } from '../events/record.ts';
import { withoutSecretValues } from '../files/secret-values.ts';
import { type RunIdentity, runIdOf } from '../modes/run-identity.ts';
import { type ObservedRun, type RunObserver, viewRun } from '../modes/run-observer.ts';
import type { AlertNotice } from '../observability/alert-book.ts';
import { type AlertFile, noticeJsonLine, openAlertFile } from '../observability/alert-file.ts';
import { type Alerts, createAlerts, noticeLine } from '../observability/alerts.ts';
import { createSinkGuard, type SinkGuard } from '../observability/guard.ts';
import { createHeartbeat, type Heartbeat } from '../observability/heartbeat.ts';
import type { LatencyExceeded } from '../observability/latency.ts';
import type { MetricsSource } from '../observability/metrics-table.ts';
import { createRunCounts, type RunCounts } from '../observability/run-counts.ts';
import { healthOf } from '../observability/run-view.ts';
import { createWebhook, type Webhook, webhookUrl } from '../observability/webhook.ts';
import type { RunStreams } from '../runtime/recorder.ts';
import { wallClock } from '../sources/wall-clock.ts';
import { writeTextAtomic } from '../tape/atomic-file.ts';
import { runFolderAt } from '../tape/run-folder.ts';

export interface ObserveOptions {
  readonly scenario: LoadedScenario;
  /** Where /metrics and /healthz are answered; absent: nowhere. */
  readonly metricsPort?: number | undefined;
  readonly speed: number | 'max';
  /** Folder of the run that is taken up again, if one is. */
  readonly leftDir?: string | undefined;
  /** Writes a line to standard error. */
  readonly say: (line: string) => void;
}

/** Telemetry of a paper or live run. */
export interface Observer extends RunObserver {
  readonly exceeded: (event: LatencyExceeded) => void;
  readonly lap: (stage: LatencyStage, elapsedNs: number) => void;
  /** What `ctl RUN status` shows of it. */
  readonly status: () => JsonObject;
  /** Whether alerts tell of this on the terminal, so that nothing else has to. */
  readonly tells: (rule: AlertRule) => boolean;
}

/** What watches a run, once it is known which. */
interface Watch {
  readonly counts: RunCounts;
  readonly heartbeat: Heartbeat;
  readonly alerts: Alerts | undefined;
  readonly file: AlertFile | undefined;
  readonly webhook: Webhook | undefined;
}

const BEAT_MS = 1000;
const ALERT_FILE = 'alerts.jsonl';

/**
 * Opens what watches a paper or live run.
 * @throws InputError METRICS_PORT, ALERT_URL, SECRET_*: before the run begins
 */
export async function openObserver(options: ObserveOptions): Promise<Observer> {
  const { scenario, leftDir, say } = options;
  const settings = toAlertSettings(scenario.scenario.alerts);
  const makeWebhook = webhookOf(options);
  const guard = createSinkGuard(say);
  let watch: Watch | undefined;
  let run: ObservedRun | undefined;
  let isPast = false;
  let timer: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  const subscribed = new Subscription();
  const begin = (identity: RunIdentity, runDir: string): Watch =>
    startWatch(options, { identity, runDir, guard, makeWebhook, isPast: () => isPast });
  const page = await openPage(options, guard, () =>
    run === undefined || watch === undefined ? undefined : sourceOf(run, { ...watch, guard }),
  );
  const beat = guard.wrap('heartbeat', () => watch?.alerts?.heartbeatMissed(watch.heartbeat.missed()));
  return {
    past: (identity, streams) => {
      if (leftDir === undefined) return;
      watch = begin(identity, leftDir);
      isPast = true;
      subscribed.add(subscribe(streams, watch, guard));
    },
    attach: (attached) => {
      run = attached;
      isPast = false;
      const isTakenUp = watch !== undefined;
      watch ??= begin(attached.identity, attached.runDir);
      if (isTakenUp) guard.wrap('alerts', watch.alerts?.stand ?? (() => undefined))();
      subscribed.add(subscribe(attached.streams, watch, guard));
      timer = setInterval(beat, BEAT_MS).unref();
    },
    close: () => {
      closing ??= end();
      return closing;
    },
    exceeded: guard.wrap('alerts', (event) => watch?.alerts?.exceeded(event)),
    lap: guard.wrap('metrics', (stage, elapsedNs) => page?.lap(stage, elapsedNs)),
    status: () =>
      watch?.alerts === undefined ? {} : { alerts: watch.alerts.open().map((alert) => ({ ...alert })) },
    tells: (rule) => settings?.isOnTerminal === true && settings.severities[rule] !== 'off',
  };

  async function end(): Promise<void> {
    clearInterval(timer);
    // a run that is interrupted goes on while its last posts are made, and nobody is told of that
    subscribed.unsubscribe();
    guard.wrap('alerts', () => watch?.alerts?.stand())();
    for (const part of [watch?.file, watch?.webhook, page]) {
      await part?.close().catch((error: unknown) => guard.failed('telemetry', error));
    }
    for (const [sink, times] of guard.failures) if (times > 1) say(`warning: ${sink} failed ${times} times`);
  }
}

/** Watches a backtest: alerts by logical time, written when it ends. Absent where the scenario leaves them off. */
export function backtestObserver(
  { scenario }: LoadedScenario,
  say: (line: string) => void,
): RunObserver | undefined {
  const settings = toAlertSettings(scenario.alerts);
  if (settings === undefined) return undefined;
  const guard = createSinkGuard(say);
  const lines: string[] = [];
  const alerts = createAlerts(settings, {
    fromUs: 0,
    sinks: [(notice) => lines.push(noticeJsonLine(notice))],
  });
  let runDir: string | undefined;
  return {
    past: () => undefined,
    attach: (run) => {
      runDir = run.runDir;
      run.streams.inputs$.subscribe(guard.wrap('alerts', alerts.input));
      run.streams.derived$.subscribe(guard.wrap('alerts', alerts.derived));
    },
    close: async () => {
      if (runDir === undefined) return;
      const path = join(runFolderAt(runDir).stateDir, ALERT_FILE);
      runDir = undefined;
      guard.wrap(ALERT_FILE, () => {
        alerts.stand();
        writeTextAtomic(path, lines.join(''));
      })();
    },
  };
}

type WebhookMaker = (run: { readonly runId: string; readonly mode: string }, guard: SinkGuard) => Webhook;

/** Reads the secrets of the webhook, so that what is wrong with them is said before the run begins. */
function webhookOf({ scenario, say }: ObserveOptions): WebhookMaker | undefined {
  const webhook = toAlertSettings(scenario.scenario.alerts)?.webhook;
  if (webhook === undefined) return undefined;
  const secret = (key: string): string | undefined => {
    const reference = secretReferences(scenario.scenario).find((one) => one.key === key);
    return reference === undefined ? undefined : readSecret(reference, process.env);
  };
  const url = secret('alerts.webhook.url') ?? '';
  const token = secret('alerts.webhook.token');
  webhookUrl(url);
  return (run, guard) =>
    createWebhook({
      settings: webhook,
      ...{ url, clock: wallClock, random: Math.random, say },
      ...(token === undefined ? {} : { token }),
      run: { scenario: scenario.name, ...run },
      sender: randomBytes(8).toString('hex'),
      onError: (error) => guard.failed('alerts.webhook', error),
    });
}

function startWatch(
  { scenario, speed, say }: ObserveOptions,
  {
    identity,
    runDir,
    guard,
    makeWebhook,
    isPast,
  }: {
    readonly identity: RunIdentity;
    readonly runDir: string;
    readonly guard: SinkGuard;
    readonly makeWebhook: WebhookMaker | undefined;
    readonly isPast: () => boolean;
  },
): Watch {
  const fromUs = identity.mode?.startedUs ?? 0;
  const section = scenario.scenario.alerts;
  const heartbeat = createHeartbeat({
    fromUs,
    cycleUs: identity.settings.cycleMinutes * US_PER_MINUTE,
    lateUs: section.lateCycleSeconds * US_PER_SECOND,
    speed: speed === 'max' ? Number.POSITIVE_INFINITY : speed,
    nowMs: () => performance.now(),
  });
  const parts = { counts: createRunCounts(fromUs), heartbeat };
  const settings = toAlertSettings(section);
  if (settings === undefined) return { ...parts, alerts: undefined, file: undefined, webhook: undefined };
  const file = openAlertFile(join(runFolderAt(runDir).stateDir, ALERT_FILE), (error) =>
    guard.failed(ALERT_FILE, error),
  );
  const webhook = makeWebhook?.({ runId: runIdOf(identity), mode: identity.mode?.kind ?? 'paper' }, guard);
  const alerts = createAlerts(settings, {
    fromUs,
    // where alerts are new to a run, its past is not told all at once: what is open of it is
    isTold: (notice) => isPast() && (!file.isFound || file.isTold(notice)),
    sinks: [
      ...(settings.isOnTerminal
        ? [guard.wrap('alerts', (notice: AlertNotice) => say(noticeLine(notice)))]
        : []),
      guard.wrap(ALERT_FILE, file.sink),
      ...(webhook === undefined ? [] : [guard.wrap('alerts.webhook', webhook.sink)]),
    ],
  });
  return { ...parts, alerts, file, webhook };
}

function subscribe(
  streams: RunStreams,
  { counts, heartbeat, alerts }: Watch,
  guard: SinkGuard,
): Subscription {
  const subscribed = new Subscription();
  for (const [name, part] of Object.entries({ metrics: counts, heartbeat, alerts })) {
    if (part === undefined) continue;
    subscribed.add(streams.inputs$.subscribe(guard.wrap(name, part.input)));
    subscribed.add(streams.derived$.subscribe(guard.wrap(name, part.derived)));
  }
  return subscribed;
}

/** The server of metrics and health, where one was asked for. */
async function openPage(
  { metricsPort: port, say }: ObserveOptions,
  guard: SinkGuard,
  source: () => MetricsSource | undefined,
) {
  if (port === undefined) return undefined;
  const [{ createMetricsPage }, { openMetricsServer }] = await Promise.all([
    import('../observability/metrics-page.ts'),
    import('../observability/metrics-server.ts'),
  ]);
  const page = createMetricsPage();
  const server = await openMetricsServer({
    port,
    metrics: async () => {
      const read = source();
      return read && { contentType: page.contentType, text: await page.render(read) };
    },
    state: () => {
      const read = source();
      if (read === undefined) return undefined;
      const { run, view, health, openAlerts } = read;
      return withoutSecretValues(JSON.stringify({ run, view, health, openAlerts }));
    },
    health: () => source()?.health ?? healthOf(undefined, undefined),
    onError: (error) => guard.failed('metrics', error),
  });
  say(`metrics on http://127.0.0.1:${server.port}/metrics, a dashboard on http://127.0.0.1:${server.port}/`);
  return {
    lap: (stage: LatencyStage, elapsedNs: number) => page.lap(stage, elapsedNs / 1e9),
    close: () => server.close(),
  };
}

function sourceOf(run: ObservedRun, watch: Watch & { readonly guard: SinkGuard }): MetricsSource {
  const { counts, heartbeat, alerts, webhook, guard } = watch;
  const { scenario, mode } = run.identity;
  const view = viewRun(run);
  return {
    run: {
      ...{ scenario, runId: run.runId, mode: mode?.kind ?? 'backtest' },
      ...{ source: mode?.source ?? 'dataset', broker: mode?.broker ?? 'simulated' },
    },
    view,
    health: healthOf(view, heartbeat.missed()),
    counts,
    openAlerts: alerts?.open() ?? [],
    alertsTold: alerts?.told ?? new Map(),
    sinkFailures: guard.failures,
    webhook: webhook === undefined ? undefined : { ...webhook.counts, waiting: webhook.waiting },
  };
}
