import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type LoadedScenario, loadScenario } from '../config/load-scenario.ts';
import { CheckFailedError, InputError } from '../domain/errors.ts';
import { US_PER_SECOND } from '../domain/units.ts';
import { type FlattenPlan, type FlattenReport, flatten, planFlatten } from '../modes/flatten.ts';
import { BROKER_NAMES, openBroker } from '../modes/open-broker.ts';
import type { Broker } from '../ports/broker.ts';
import { wallClock } from '../sources/wall-clock.ts';
import { runFolderAt } from '../tape/run-folder.ts';
import { tapeWriterOf } from '../tape/tape-lock.ts';
import { confirmTyped } from './confirm.ts';
import { wholeNumberOption } from './option-values.ts';
import { loadWithOptions, type ScenarioOptions, withSetOption } from './scenario-options.ts';
import { renderTable } from './terminal.ts';

interface FlattenCliOptions extends ScenarioOptions {
  readonly broker: string;
  readonly scenario: string;
  readonly runs: string;
  readonly timeout: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Adds `sametape flatten --broker NAME --scenario FILE`. */
export function registerFlattenCommand(program: Command): void {
  const command = program
    .command('flatten')
    .summary('cancel all orders and close all positions of an account, without an engine')
    .description(
      'Cancels every open order at a broker, waits for their ends, then closes every position by market orders. Without --yes it shows what it would do and asks.',
    )
    .requiredOption('--broker <name>', BROKER_NAMES.join(' or '))
    .requiredOption('--scenario <file>', 'scenario whose broker section says how to reach the account')
    .option('--runs <dir>', 'folder of runs to look for an engine in', 'runs')
    .option('--timeout <seconds>', 'how long cancels may take to end, and closing orders to fill', '60')
    .option('--yes', 'do it without asking')
    .option('--force', 'do it though an engine trades there: it will trade on against this')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape flatten --broker alpaca --scenario scenarios/live.yaml
  $ sametape flatten --broker alpaca --scenario scenarios/live.yaml --yes --json

While an engine runs, "sametape ctl RUN flatten" is the way: its books stay right.
Exit code 0: flat, or nothing was to be done. 1: something is left, and is listed. 2: nothing was done.`,
    );
  withSetOption(command).action(flattenCommand);
}

async function flattenCommand(options: FlattenCliOptions): Promise<void> {
  if (!BROKER_NAMES.includes(options.broker)) {
    throw new InputError(
      'BROKER_UNKNOWN',
      `--broker: expected one of ${BROKER_NAMES.join(', ')}, found "${options.broker}"`,
    );
  }
  const withinUs = wholeNumberOption('--timeout', options.timeout, { min: 1, max: 3600 }) * US_PER_SECOND;
  const scenario = loadWithOptions(options.scenario, {
    set: [...(options.set ?? []), `broker.source=${options.broker}`],
  });
  if (options.force !== true) expectNoEngine(resolve(options.runs), options.broker);
  const broker = await openBroker(scenario, { environment: process.env, clock: wallClock });
  try {
    await broker.connect();
    const plan = await planFlatten(broker);
    if (isNothing(plan)) {
      if (options.json !== true) process.stdout.write('ok: no open orders, no positions\n');
      else report({ isFlat: true, cancelled: [], closings: [], left: plan, troubles: [] }, options);
      return;
    }
    if (options.json !== true) process.stdout.write(`${planText(plan)}\n`);
    if (options.yes !== true) await confirm(broker, scenario);
    const idPrefix = `flatten-${randomBytes(6).toString('hex')}`;
    report(await flatten({ broker, clock: wallClock, idPrefix, withinUs }), options);
  } finally {
    await broker.close();
  }
}

async function confirm(broker: Broker, { name }: LoadedScenario): Promise<void> {
  const account = await broker.getAccountId?.();
  await confirmTyped({
    word: account ?? broker.name,
    question: `All of the above will be cancelled and closed in the account of ${broker.name} that ${name} names.`,
    unattended: '--yes',
  });
}

function report(result: FlattenReport, { json }: FlattenCliOptions): void {
  const { isFlat, cancelled, closings, left, troubles } = result;
  if (json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    for (const trouble of troubles) process.stdout.write(`trouble: ${trouble}\n`);
    process.stdout.write(`${cancelled.length} orders cancelled, ${closings.length} closing orders placed\n`);
    if (isFlat) process.stdout.write('ok: flat\n');
    else process.stdout.write(`left:\n${planText(left)}\n`);
  }
  if (isFlat) return;
  const positions = Object.keys(left.positions);
  throw new CheckFailedError(
    'NOT_FLAT',
    `flatten: ${left.orders.length} orders and ${positions.length} positions are left${positions.length === 0 ? '' : ` (${positions.join(', ')})`}; look at the account at the broker`,
  );
}

function isNothing({ orders, positions }: FlattenPlan): boolean {
  return orders.length === 0 && Object.keys(positions).length === 0;
}

function planText({ orders, positions }: FlattenPlan): string {
  const rows = [
    ...orders.map((order) => [
      'order',
      order.symbol,
      `${order.side} ${order.quantity - order.filledQuantity}`,
      order.clientOrderId === '' ? order.brokerOrderId : order.clientOrderId,
    ]),
    ...Object.entries(positions).map(([symbol, shares]) => ['position', symbol, String(shares), '']),
  ];
  return renderTable([{ title: 'what' }, { title: 'symbol' }, { title: 'shares' }, { title: 'id' }], rows);
}

/**
 * An engine would take our cancels for somebody else's and trade on. Runs are looked for where they are made.
 * @throws InputError ENGINE_RUNNING
 */
function expectNoEngine(runsDir: string, broker: string): void {
  for (const name of existsSync(runsDir) ? readdirSync(runsDir) : []) {
    const folder = runFolderAt(join(runsDir, name));
    const writer = tapeWriterOf(folder.tapeDir);
    if (writer === undefined || !mayTradeAt(folder.scenarioFile, broker)) continue;
    throw new InputError(
      'ENGINE_RUNNING',
      `${folder.dir}: its engine (process ${writer.pid} on ${writer.host}) trades at ${broker}; use "sametape ctl ${folder.dir} flatten", or --force if it is stuck`,
    );
  }
}

/** Where it cannot be told, it may. */
function mayTradeAt(scenarioFile: string, broker: string): boolean {
  try {
    return loadScenario({ file: scenarioFile }).scenario.broker.source === broker;
  } catch {
    return true;
  }
}
