import type { Command } from 'commander';

/** A command as the global help lists it; its module is loaded only when the command is used. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly register: (program: Command) => Promise<void>;
}

/** The commands, in the order a newcomer needs them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    summary: 'run a scenario over historical data and write its tape',
    register: async (program) => (await import('./run.ts')).registerRunCommand(program),
  },
  {
    name: 'paper',
    summary: 'run a scenario on paper, at the pace of the market or faster',
    register: async (program) => (await import('./paper.ts')).registerPaperCommand(program),
  },
  {
    name: 'runs',
    summary: 'list the runs of a folder and what each came to',
    register: async (program) => (await import('./runs.ts')).registerRunsCommand(program),
  },
  {
    name: 'replay',
    summary: 'recompute a run from its tape and compare every record',
    register: async (program) => (await import('./replay.ts')).registerReplayCommand(program),
  },
  {
    name: 'explain',
    summary: 'show everything behind one decision of a run',
    register: async (program) => (await import('./explain.ts')).registerExplainCommand(program),
  },
  {
    name: 'diff',
    summary: 'name where two runs first part, by stage, and the likely cause',
    register: async (program) => (await import('./diff.ts')).registerDiffCommand(program),
  },
  {
    name: 'fork',
    summary: 'make a run again with other settings from a cycle on',
    register: async (program) => (await import('./fork.ts')).registerForkCommand(program),
  },
  {
    name: 'shadow',
    summary: 'say what a paper or live run cost against its backtest, by cause',
    register: async (program) => (await import('./shadow.ts')).registerShadowCommand(program),
  },
  {
    name: 'sweep',
    summary: 'run every combination of settings, and say what of the best is luck',
    register: async (program) => (await import('./sweep.ts')).registerSweepCommand(program),
  },
  {
    name: 'verify',
    summary: 'check that the tape of a run is exactly what was written',
    register: async (program) => (await import('./verify.ts')).registerVerifyCommand(program),
  },
  {
    name: 'recover',
    summary: 'make the tape of a crashed run whole',
    register: async (program) => (await import('./recover.ts')).registerRecoverCommand(program),
  },
  {
    name: 'ctl',
    summary: 'speak to the engine of a paper or live run',
    register: async (program) => (await import('./ctl.ts')).registerCtlCommand(program),
  },
  {
    name: 'flatten',
    summary: 'cancel all orders and close all positions of an account, without an engine',
    register: async (program) => (await import('./flatten.ts')).registerFlattenCommand(program),
  },
  {
    name: 'golden',
    summary: 'check scenarios against their golden files, or make them anew',
    register: async (program) => (await import('./golden.ts')).registerGoldenCommand(program),
  },
  {
    name: 'audit',
    summary: 'prove that a scenario does not see the future',
    register: async (program) => (await import('./audit.ts')).registerAuditCommand(program),
  },
  {
    name: 'promote',
    summary: 'check a scenario for live trading and certify it',
    register: async (program) => (await import('./promote.ts')).registerPromoteCommand(program),
  },
  {
    name: 'live',
    summary: 'trade a certified scenario at its broker',
    register: async (program) => (await import('./live.ts')).registerLiveCommand(program),
  },
  {
    name: 'report',
    summary: 'show a run as a page: curves, gains, trades, decisions',
    register: async (program) => (await import('./report.ts')).registerReportCommand(program),
  },
  {
    name: 'export',
    summary: 'write orders, fills and round trips of a run to Parquet',
    register: async (program) => (await import('./export.ts')).registerExportCommand(program),
  },
  {
    name: 'data',
    summary: 'import, inspect and make datasets',
    register: async (program) => (await import('./data.ts')).registerDataCommands(program),
  },
  {
    name: 'models',
    summary: 'train models and look into run roots',
    register: async (program) => (await import('./models.ts')).registerModelsCommands(program),
  },
  {
    name: 'config',
    summary: 'show, check and document scenarios',
    register: async (program) => (await import('./config.ts')).registerConfigCommand(program),
  },
];
