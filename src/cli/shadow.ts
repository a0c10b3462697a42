import { resolve } from 'node:path';
import type { Command } from 'commander';
import { explainCommand, shellWord } from '../report/shell-commands.ts';
import type { OrderShortfall, Parts } from '../research/shadow/attribute.ts';
import type { ShortfallGroup } from '../research/shadow/roll-up.ts';
import type { Shadow } from '../research/shadow/shadow-run.ts';
import { createProgress } from './progress.ts';
import { createPainter } from './terminal.ts';

interface ShadowOptions {
  readonly json?: boolean;
}

/** Adds `sametape shadow RUN_DIR`: a live day beside what a backtest would have made of it. */
export function registerShadowCommand(program: Command): void {
  program
    .command('shadow')
    .summary('say what a paper or live run cost against its backtest, by cause')
    .description(
      'Run the market, predictions and commands on the tape of a paper or live run through the same pipeline against the simulated exchange, and say where the two part and why. The difference of their profits is attributed, to the micro-dollar, to delay, waiting, spread, slippage, fees, missed fills, refused orders, decisions that drifted, borrow, carried positions and the books. It reads the tape only and goes to no broker.',
    )
    .argument('<run-dir>', 'folder of a paper or live run')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  $ sametape shadow runs/RUN_ID
  $ sametape shadow runs/RUN_ID --json | jq .total.shortfallMicros
  $ sametape shadow runs/RUN_ID --json | jq '.orders[0].explain'

Exit code 0: done, whatever the shortfall. 1: a damaged tape. 2: a backtest, or not the folder of a run.`,
    )
    .action(shadowCommand);
}

async function shadowCommand(runDir: string, options: ShadowOptions): Promise<void> {
  const { shadowRun } = await import('../research/shadow/shadow-run.ts');
  const shadow = await shadowRun({ runDir: resolve(runDir), progress: createProgress() });
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(await jsonOf(shadow, runDir))}\n`);
    return;
  }
  const [{ formatNewYork }, { shadowText }] = await Promise.all([
    import('../data/calendar.ts'),
    import('./shadow-text.ts'),
  ]);
  process.stdout.write(
    shadowText(shadow, { runDir, timeOf: formatNewYork, painter: createPainter(process.stdout) }),
  );
}

async function jsonOf(shadow: Shadow, runDir: string): Promise<object> {
  const [{ bpsOf, listParts, paperMicrosOf }, { shortfallOf }] = await Promise.all([
    import('../research/shadow/roll-up.ts'),
    import('../research/shadow/attribute.ts'),
  ]);
  const amounts = (parts: Parts, traded: { readonly tradedMicros: number }) => ({
    tradedMicros: traded.tradedMicros,
    shortfallMicros: shortfallOf(parts),
    shortfallBps: bpsOf(shortfallOf(parts), traded),
    parts: listParts(parts).map((part) => ({
      ...part,
      reason: part.reason ?? null,
      shortfallBps: bpsOf(part.shortfallMicros, traded),
    })),
  });
  const groupJson = (group: ShortfallGroup): object => {
    const { key, simulatedMicros, actualMicros, parts } = group;
    return {
      ...{ key, simulatedMicros, actualMicros, paperMicros: paperMicrosOf(group) },
      ...amounts(parts, group),
    };
  };
  const orderJson = ({ parts, ...order }: OrderShortfall): object => ({
    ...order,
    ...amounts(parts, order),
    explain: explainCommand(shellWord(runDir), order),
  });
  const { total, sessions, symbols, horizons, orders, ...rest } = shadow;
  return {
    ...rest,
    total: groupJson(total),
    sessions: sessions.map(groupJson),
    symbols: symbols.map(groupJson),
    horizons: horizons.map(groupJson),
    orders: orders.map(orderJson),
  };
}
