import { expect, it } from 'vitest';
import { ServiceError } from '../../src/domain/errors.ts';
import type { Engine } from '../../src/engine/engine-state.ts';
import type { InputEvent } from '../../src/events/inputs.ts';
import { settleOrders } from '../../src/modes/live-recovery.ts';
import type { Untimed } from '../../src/ports/broker.ts';
import { createBrokerDesk } from '../../src/runtime/broker-desk.ts';
import type { LiveLoop } from '../../src/runtime/live-loop.ts';
import { scriptedBroker } from '../modes/scripted-broker.ts';
import { manualClock } from '../twins/clocks.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A desk at a broker whose account can be read, or cannot. */
function given() {
  const offered: Untimed<InputEvent>[] = [];
  const account = { isReadable: false };
  const clock = manualClock(1_000_000);
  const scripted = scriptedBroker();
  const desk = createBrokerDesk({
    ...{ engine: {} as Engine, clock, maxSendAgeUs: 1, isRunning: () => true, onTrouble: () => undefined },
    broker: {
      ...scripted,
      getCash: async () => {
        if (account.isReadable) return 0;
        throw new ServiceError('AWAY', 'away', { retryable: true });
      },
    },
    offer: (event) => offered.push(event),
  });
  return {
    desk,
    account,
    links: () => offered.map(({ type }) => type).filter((type) => type.startsWith('Connection')),
    read: async () => {
      desk.carryOut({ type: 'ReconciliationRequested', reason: 'cycle' });
      for (let wait = 0; wait < 6; wait += 1) {
        await turn();
        clock.advance(15_000_000);
      }
      await turn();
    },
  };
}

it('a broker whose reports come back is lost still while its account cannot be read', async () => {
  const { desk, account, links, read } = given();
  await read();
  desk.hearLink(false);
  desk.hearLink(true);
  expect(links()).toEqual(['ConnectionLost', 'ConnectionLost']);
  account.isReadable = true;
  await read();
  expect(links()).toEqual(['ConnectionLost', 'ConnectionLost', 'ConnectionRestored']);
});

it('a broker whose account can be read again is lost still while its reports are not heard', async () => {
  const { desk, account, links, read } = given();
  await read();
  desk.hearLink(false);
  account.isReadable = true;
  await read();
  expect(links()).toEqual(['ConnectionLost']);
});

it.each([
  { isBrokerHeard: true, told: ['ConnectionRestored'] },
  { isBrokerHeard: false, told: [] },
])('a run that is taken up counts its broker as back where it is heard: $isBrokerHeard', async (given) => {
  const offered: string[] = [];
  const loop = {
    isBrokerHeard: given.isBrokerHeard,
    offer: ({ type }: Untimed<InputEvent>) => offered.push(type),
    settled: async () => undefined,
  };
  const engine = {
    ...{ orders: { working: [], nextOrdinal: 0 }, reconciliation: { calledBack: {} } },
    isLost: { broker: true, market_data: false, clock: false },
  };
  await settleOrders({
    loop: loop as unknown as LiveLoop,
    engine: engine as unknown as Engine,
    broker: scriptedBroker(),
  });
  expect(offered).toEqual(given.told);
});
