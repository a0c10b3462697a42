import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { LoadedScenario } from '../config/load-scenario.ts';
import { InputError } from '../domain/errors.ts';
import { microsToDollars } from '../domain/money.ts';
import type { MoneyMicros } from '../domain/units.ts';
import type { LiveStart } from '../modes/live-options.ts';
import { isPaper, problemOfLive } from '../modes/open-broker.ts';
import { percent } from '../report/format.ts';
import type { Certificate } from '../research/certificate.ts';
import { passLiveGate } from '../research/live-gate.ts';
import { confirmTyped } from './confirm.ts';
import { dumpRisks, dumpSurroundings } from './dump-risks.ts';
import { runLiveCommand } from './live-run.ts';
import { METRICS_PORT_HELP, parsePort, wholeNumberOption } from './option-values.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';
import { formatNumber, renderTable } from './terminal.ts';

interface LiveCliOptions extends ScenarioOptions {
  readonly certificate: string;
  readonly golden: string;
  readonly out: string;
  readonly sessions: string;
  readonly metricsPort?: number;
  readonly yes?: boolean;
  readonly allowDumps?: boolean;
  readonly json?: boolean;
}

const MAX_SESSIONS = 250;

/** Adds `sametape live SCENARIO --certificate FILE`. */
export function registerLiveCommand(program: Command): void {
  const command = program
    .command('live')
    .summary('trade a certified scenario at its broker')
    .description(
      'Trades a scenario at the broker it names. It needs the certificate of exactly what is about to run, shows limits and account, and asks before anything is sent.',
    )
    .argument('<scenario>', 'scenario file')
    .requiredOption('--certificate <file>', 'what "sametape promote" wrote for this scenario')
    .option('--golden <dir>', 'folder of the golden files', 'golden')
    .option('--out <dir>', 'folder that the run folder is made in', 'runs')
    .option('--sessions <n>', 'sessions to trade, one that has begun included', '1')
    .option('--metrics-port <n>', METRICS_PORT_HELP, parsePort)
    .option('--yes', 'do not ask; for unattended use')
    .option('--allow-dumps', 'run though the memory, which holds keys, could be written to a file')
    .option('--json', 'print the result as one JSON object and nothing else')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape live scenarios/live.yaml --certificate live.certificate.json
  $ sametape live scenarios/live.yaml --certificate live.certificate.json --yes
  $ sametape live scenarios/live.yaml --certificate live.certificate.json --metrics-port 9464 --set alerts.enabled=true

Only the sections of broker, data source and alerts may differ from the certified scenario; any other field is named.
Exit code 2: it may not run, and nothing was sent; the message says why.`,
    );
  withSetOption(command).action(liveCommand);
}

async function liveCommand(file: string, options: LiveCliOptions): Promise<void> {
  const scenario = loadWithOptions(file, options);
  const problem = problemOfLive(scenario);
  if (problem !== undefined) throw new InputError('LIVE_REFUSED', problem);
  const certificate = await passLiveGate(scenario, {
    certificateFile: resolve(options.certificate),
    goldenDir: resolve(options.golden),
  });
  if (options.allowDumps !== true) expectNoDumps();
  await runLiveCommand({
    scenario,
    kind: 'live',
    out: options.out,
    speed: 1,
    metricsPort: options.metricsPort,
    sessions: wholeNumberOption('--sessions', options.sessions, { min: 1, max: MAX_SESSIONS }),
    json: options.json === true,
    confirm: async (start) => {
      process.stderr.write(`${goingLiveText({ scenario, certificate, start })}\n`);
      if (options.yes === true) return;
      await confirmTyped({
        word: start.accountId,
        question: `${scenario.name} is about to trade this account.`,
        unattended: '--yes',
      });
    },
  });
}

/** @throws InputError DUMPS_POSSIBLE */
function expectNoDumps(): void {
  const [risk] = dumpRisks(dumpSurroundings());
  if (risk === undefined) return;
  throw new InputError(
    'DUMPS_POSSIBLE',
    `live: ${risk}; keys are in memory. --allow-dumps runs all the same`,
  );
}

/** Account, limits and certificate, as somebody should see them before money moves. */
export function goingLiveText({
  scenario,
  certificate,
  start,
}: {
  readonly scenario: LoadedScenario;
  readonly certificate: Certificate;
  readonly start: LiveStart;
}): string {
  const { identity, accountId, cashMicros, portfolioValueMicros, openOrders, isResumed } = start;
  const { risk } = identity.settings;
  const positions = Object.values(start.positions).filter((shares) => shares !== 0).length;
  const ofValue = (frac: number): string => `${percent(frac)} (${dollars(portfolioValueMicros * frac)})`;
  const { dryFire } = certificate.results;
  const rows = [
    [
      'account',
      `${accountId} at ${scenario.scenario.broker.source}${isPaper(scenario) ? ' (no money: paper)' : ''}`,
    ],
    ['value, cash', `${dollars(portfolioValueMicros)}, ${dollars(cashMicros)}`],
    ['there already', `${openOrders} open orders, ${positions} positions`],
    ['run', isResumed ? 'goes on where it was left' : 'starts'],
    ['largest order', `${dollars(risk.maxOrderValueMicros)}, ${formatNumber(risk.maxOrderShares)} shares`],
    ['orders a minute', formatNumber(risk.maxOrdersPerMinute)],
    ['largest position', ofValue(risk.maxPositionFrac)],
    ['gross, net exposure', `${ofValue(risk.maxGrossFrac)}, ${ofValue(risk.maxNetFrac)}`],
    ['short sales', risk.allowShort ? 'allowed' : 'not allowed'],
    ['stops at a daily loss of', ofValue(risk.dailyLossFrac)],
    ['stops at a drawdown of', ofValue(risk.drawdownFrac)],
    ['when stopped', risk.killAction === 'flatten' ? 'closes everything' : 'enters nothing'],
    ['certificate', `${certificate.sha256.slice(0, 12)} of ${certificate.issuedAt}`],
    ...(dryFire.kind === 'skipped' ? [['NO DRY FIRE', dryFire.reason]] : []),
  ];
  return renderTable([{ title: '' }, { title: '' }], rows);
}

function dollars(micros: MoneyMicros): string {
  return `$${formatNumber(microsToDollars(Math.round(micros)), 2)}`;
}
