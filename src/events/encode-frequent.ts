/**
 * The events of every cycle, written straight as canonical JSON: keys in order, numbers and strings as ECMAScript writes
 * them. Building an object first and then writing it took longer than all else a record needs. A property test holds each
 * text to what `canonicalJson` makes of its content.
 */
import type { Execution, OrderRequest } from '../domain/orders.ts';
import { quote } from './canonical.ts';
import type { Decision, DerivedEvent, StageDigests } from './derived.ts';
import { exactInteger, numberJson } from './encode-fields.ts';

type CycleCompleted = Extract<DerivedEvent, { readonly type: 'CycleCompleted' }>;
type OrderIntended = Extract<DerivedEvent, { readonly type: 'OrderIntended' }>;

export function cycleCompletedJson({ cycle, decisions, digests, equityMicros }: CycleCompleted): string {
  let listed = '';
  for (let i = 0; i < decisions.length; i += 1) listed += (i === 0 ? '' : ',') + decisionJson(decisions[i]);
  return `{"cycle":${exactInteger(cycle, 'cycle')},"decisions":[${listed}],"digests":${digestsJson(digests)},"equityMicros":${exactInteger(equityMicros, 'equityMicros')}}`;
}

function decisionJson(decision: Decision): string {
  const { exitReason, horizon, limit, propensity, side, targetShares, targetWeight, value } = decision;
  const option =
    exitReason ?? horizon ?? limit ?? propensity ?? side ?? targetShares ?? targetWeight ?? value;
  if (option === undefined) return plainDecisionJson(decision);
  let text = exitReason === undefined ? '{' : `{"exitReason":"${exitReason}",`;
  if (horizon !== undefined) text += `"horizon":${quote(horizon)},`;
  text += `"kind":"${decision.kind}"`;
  if (limit !== undefined) text += `,"limit":${numberJson(limit, 'decision.limit')}`;
  if (propensity !== undefined) text += `,"propensity":${numberJson(propensity, 'decision.propensity')}`;
  text += `,"reason":"${decision.reason}"`;
  if (side !== undefined) text += `,"side":"${side}"`;
  text += `,"symbol":${quote(decision.symbol)}`;
  if (targetShares !== undefined) text += `,"targetShares":${exactInteger(targetShares, 'targetShares')}`;
  if (targetWeight !== undefined) text += `,"targetWeight":${numberJson(targetWeight, 'targetWeight')}`;
  if (value !== undefined) text += `,"value":${numberJson(value, 'decision.value')}`;
  return `${text}}`;
}

const MAX_PLAIN_TEXTS = 4096;
/** By symbol, the newest of its decisions that say no more than why. Nearly all do, and repeat the one before. */
const plainTexts = new Map<string, Pick<Decision, 'kind' | 'reason'> & { readonly text: string }>();

function plainDecisionJson({ kind, reason, symbol }: Decision): string {
  const known = plainTexts.get(symbol);
  if (known !== undefined && known.kind === kind && known.reason === reason) return known.text;
  // joined: a sum of strings stays a tree of them, which is walked each time it is written somewhere
  const text = ['{"kind":"', kind, '","reason":"', reason, '","symbol":', quote(symbol), '}'].join('');
  if (plainTexts.size >= MAX_PLAIN_TEXTS) plainTexts.clear();
  plainTexts.set(symbol, { kind, reason, text });
  return text;
}

function digestsJson(digests: StageDigests): string {
  return `{"arbitration":"${digests.arbitration}","blending":"${digests.blending}","features":"${digests.features}","gating":"${digests.gating}","prediction":"${digests.prediction}","risk":"${digests.risk}","sizing":"${digests.sizing}"}`;
}

export function orderIntendedJson({ cycle, horizon, order, reason }: OrderIntended): string {
  const chosen = horizon === undefined ? '' : `,"horizon":${quote(horizon)}`;
  return `{"cycle":${exactInteger(cycle, 'cycle')}${chosen},"order":${orderJson(order)},"reason":"${reason}"}`;
}

function orderJson(order: OrderRequest): string {
  const { limitPriceE4 } = order;
  const limit =
    limitPriceE4 === undefined ? '' : `,"limitPriceE4":${exactInteger(limitPriceE4, 'order.limitPriceE4')}`;
  const quantity = exactInteger(order.quantity, 'order.quantity');
  return `{"clientOrderId":${quote(order.clientOrderId)}${limit},"purpose":"${order.purpose}","quantity":${quantity},"side":"${order.side}","symbol":${quote(order.symbol)},"timeInForce":"${order.timeInForce}","type":"${order.type}"}`;
}

export function executionJson(execution: Execution): string {
  const feeMicros = exactInteger(execution.feeMicros, 'execution.feeMicros');
  const priceE4 = exactInteger(execution.priceE4, 'execution.priceE4');
  const quantity = exactInteger(execution.quantity, 'execution.quantity');
  const tradeTimeUs = exactInteger(execution.tradeTimeUs, 'execution.tradeTimeUs');
  return `{"clientOrderId":${quote(execution.clientOrderId)},"executionId":${quote(execution.executionId)},"feeMicros":${feeMicros},"priceE4":${priceE4},"quantity":${quantity},"side":"${execution.side}","symbol":${quote(execution.symbol)},"tradeTimeUs":${tradeTimeUs}}`;
}
