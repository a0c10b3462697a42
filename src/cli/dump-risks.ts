import { readFileSync } from 'node:fs';
import { url as inspectorUrl } from 'node:inspector';

/** What decides whether this process could write its memory to a file. */
export interface DumpSurroundings {
  /** `/proc/self/limits`; undefined where the system has none. */
  readonly limits: string | undefined;
  readonly report: {
    readonly reportOnFatalError: boolean;
    readonly reportOnSignal: boolean;
    readonly reportOnUncaughtException: boolean;
  };
  readonly isInspected: boolean;
  /** Options of Node, from the command line and `NODE_OPTIONS`. */
  readonly nodeOptions: string;
}

const DUMPING_OPTIONS =
  /--(?:heapsnapshot-[\w-]+|heap-prof|cpu-prof|abort-on-uncaught-exception|report-[\w-]+|inspect[\w-]*)/;

export function dumpSurroundings(): DumpSurroundings {
  return {
    limits: limitsText(),
    report: process.report,
    isInspected: inspectorUrl() !== undefined,
    nodeOptions: [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' '),
  };
}

/**
 * Ways in which secrets could leave with the memory of this process, each with what to do. A process cannot set its own
 * limits in Node: it can only refuse to go on.
 */
export function dumpRisks({ limits, report, isInspected, nodeOptions }: DumpSurroundings): readonly string[] {
  const risks: string[] = [];
  const soft = /^Max core file size\s+(\S+)/m.exec(limits ?? '')?.[1];
  if (soft !== undefined && soft !== '0') {
    risks.push(`a crash may write a core file (its limit is ${soft}); run "ulimit -c 0" before`);
  }
  const { reportOnFatalError, reportOnSignal, reportOnUncaughtException } = report;
  if (reportOnFatalError || reportOnSignal || reportOnUncaughtException) {
    risks.push('Node writes diagnostic reports, which hold the environment; take its --report options off');
  }
  if (isInspected) risks.push('a debugger may read the memory; start without --inspect');
  const option = DUMPING_OPTIONS.exec(nodeOptions)?.[0];
  if (option !== undefined)
    risks.push(`Node was started with ${option}, which writes memory or lets it be read`);
  return risks;
}

function limitsText(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return undefined;
  }
}
