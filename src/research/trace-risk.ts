import { currentEquityMicros, type Engine } from '../engine/engine-state.ts';
import { type LoggedCheck, readLog } from '../pipeline/6-risk/check-log.ts';
import { KILL_CAUSES, lossStatus } from '../pipeline/6-risk/kill-switch.ts';
import { measured, type TraceContext, type TraceRow, type TraceSection, value } from './trace-section.ts';
import { limitValues } from './why.ts';

/** Losses against their limits, and every check of a symbol's order. */
export function traceRisk(engine: Engine, { symbolIx: i, tUs }: TraceContext): TraceSection {
  const { kill, pipeline } = engine;
  const { work, settings } = pipeline;
  const equityMicros = currentEquityMicros(engine);
  const losses = lossStatus(kill, { equityMicros, tUs });
  const log = readLog(work.checks, i);
  const tripped = KILL_CAUSES.filter((cause) => kill.tripped[cause]);
  const isMeasurable = ({ check, unit, outcome, value: found }: LoggedCheck): boolean => {
    if (check === 'stale_data') return pipeline.market.dataUs[i] > 0;
    if (check === 'stale_quote') return pipeline.market.quoteUs[i] > 0;
    // blocked at no distance: there is no price to measure it from
    if (check === 'price_collar') return outcome === 'passed' || found > 0;
    return unit !== 'of equity' || equityMicros > 0;
  };
  // what a check of risk measured is in its own row
  const isChecked = log?.checks.some(({ check }) => check === work.reason[i]) ?? false;
  return {
    stage: '6 risk',
    values: [
      value('asked', log === undefined ? null : log.askedShares, 'shares'),
      value('approved', work.orderShares[i], 'shares'),
      ...(work.hasLimit[i] === 1 && !isChecked
        ? limitValues(work.reason[i], { value: work.value[i], limit: work.limit[i] })
        : []),
      value('equity', equityMicros / 1_000_000, '$'),
      value('daily loss', losses.dailyLossFrac * 100, '%'),
      value('daily loss limit', settings.risk.dailyLossFrac * 100, '%'),
      value('drawdown', losses.drawdownFrac * 100, '%'),
      value('drawdown limit', settings.risk.drawdownFrac * 100, '%'),
      ...(settings.risk.lossVelocityFrac === undefined
        ? []
        : [
            value(`loss in ${settings.risk.lossVelocityMinutes} minutes`, losses.lossVelocityFrac * 100, '%'),
            value('its limit', settings.risk.lossVelocityFrac * 100, '%'),
          ]),
      value('kill switch', tripped.length === 0 ? 'not tripped' : tripped.join(', ')),
    ],
    ...(log === undefined ? {} : { rows: log.checks.map((check) => checkRow(check, isMeasurable(check))) }),
  };
}

/** Money is kept in micro-dollars; people read dollars. */
function checkRow({ check, unit, outcome, ...pair }: LoggedCheck, isMeasurable: boolean): TraceRow {
  const [scale, shown] = unit === 'micro-dollars' ? [1_000_000, '$'] : [1, unit];
  const isMeasured = outcome !== 'not_measured';
  return {
    label: check,
    values: [
      value('result', isMeasured ? outcome : 'not measured'),
      value('value', measured(isMeasured && isMeasurable, pair.value / scale), shown),
      value('limit', measured(isMeasured, pair.limit / scale), shown),
    ],
  };
}
