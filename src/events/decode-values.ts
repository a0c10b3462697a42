import type { CorporateAction } from '../domain/corporate-actions.ts';
import type { Session } from '../domain/market-table.ts';
import type { Execution, OpenOrder } from '../domain/orders.ts';
import type { Shares } from '../domain/units.ts';
import {
  booleanField,
  choiceField,
  dateField,
  expectOnly,
  type FieldReader,
  fail,
  integerField,
  stringField,
} from './decode-fields.ts';

export function session(reader: FieldReader): Session {
  expectOnly(reader, ['closeUs', 'date', 'isHalfDay', 'openUs']);
  return {
    date: dateField(reader, 'date'),
    openUs: integerField(reader, 'openUs'),
    closeUs: integerField(reader, 'closeUs'),
    isHalfDay: booleanField(reader, 'isHalfDay'),
  };
}

export function corporateAction(reader: FieldReader): CorporateAction {
  const kind = choiceField(reader, 'kind', ['dividend', 'split']);
  const common = ['exDate', 'kind', 'referencePriceE4', 'symbol'];
  expectOnly(reader, kind === 'split' ? [...common, 'newShares', 'oldShares'] : [...common, 'cashMicros']);
  const facts = {
    symbol: stringField(reader, 'symbol'),
    exDate: dateField(reader, 'exDate'),
    referencePriceE4: integerField(reader, 'referencePriceE4', 1),
  };
  if (kind === 'dividend') {
    const cashMicros = integerField(reader, 'cashMicros', 1);
    if (cashMicros >= facts.referencePriceE4 * 100) {
      fail(reader, 'cashMicros', 'expected less than the reference price');
    }
    return { kind, ...facts, cashMicros };
  }
  return {
    kind,
    ...facts,
    oldShares: integerField(reader, 'oldShares', 1),
    newShares: integerField(reader, 'newShares', 1),
  };
}

export function execution(reader: FieldReader): Execution {
  expectOnly(reader, [
    'clientOrderId',
    'executionId',
    'feeMicros',
    'priceE4',
    'quantity',
    'side',
    'symbol',
    'tradeTimeUs',
  ]);
  return {
    executionId: stringField(reader, 'executionId'),
    clientOrderId: stringField(reader, 'clientOrderId'),
    symbol: stringField(reader, 'symbol'),
    side: choiceField(reader, 'side', ['buy', 'sell']),
    quantity: integerField(reader, 'quantity'),
    priceE4: integerField(reader, 'priceE4'),
    feeMicros: integerField(reader, 'feeMicros'),
    tradeTimeUs: integerField(reader, 'tradeTimeUs'),
  };
}

export function openOrder(reader: FieldReader): OpenOrder {
  expectOnly(reader, ['clientOrderId', 'leavesQuantity', 'limitPriceE4', 'side', 'symbol']);
  const hasLimit = Object.hasOwn(reader.object, 'limitPriceE4');
  return {
    clientOrderId: stringField(reader, 'clientOrderId'),
    symbol: stringField(reader, 'symbol'),
    side: choiceField(reader, 'side', ['buy', 'sell']),
    leavesQuantity: integerField(reader, 'leavesQuantity'),
    ...(hasLimit ? { limitPriceE4: integerField(reader, 'limitPriceE4') } : {}),
  };
}

export function positions(reader: FieldReader): Readonly<Record<string, Shares>> {
  for (const symbol of Object.keys(reader.object)) integerField(reader, symbol);
  return reader.object as Readonly<Record<string, Shares>>;
}
