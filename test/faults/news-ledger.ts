import { canMove, type Execution, isWorking, type OrderStatus, sideSign } from '../../src/domain/orders.ts';
import type { BrokerNews, ToldExecution } from '../../src/ports/broker.ts';

const STATUS_AFTER = {
  OrderAccepted: 'accepted',
  OrderPartiallyFilled: 'partially_filled',
  OrderFilled: 'filled',
  OrderRejected: 'rejected',
  OrderCancelled: 'cancelled',
  OrderExpired: 'expired',
} as const;

/** Books kept by nothing but a broker's news, as an engine keeps them: each execution once, corrections in their place. */
export class NewsLedger {
  /** Newest version of every execution, by the id it has now. */
  readonly executions = new Map<string, Execution>();
  readonly statuses = new Map<string, OrderStatus>();
  /** Ends that were told of an order. */
  readonly ends = new Map<string, OrderStatus>();
  /** What news must never say. */
  readonly faults: string[] = [];
  isConnected = true;
  /** Orders asked about again: what is told of them twice is meant to be. */
  readonly retold = new Set<string>();
  readonly #replaced = new Set<string>();

  intend(clientOrderId: string): void {
    if (!this.statuses.has(clientOrderId)) this.statuses.set(clientOrderId, 'intended');
  }

  isOver(clientOrderId: string): boolean {
    return !isWorking(this.statuses.get(clientOrderId) ?? 'intended');
  }

  hear(news: BrokerNews): void {
    switch (news.type) {
      case 'OrderFilled':
      case 'OrderPartiallyFilled':
        this.#fill(news.execution, news.type);
        return;
      case 'ExecutionCorrected':
        this.#correct(news.execution, news.corrects);
        return;
      case 'CommissionReported':
        this.#charge(news.executionId, news.feeMicros);
        return;
      case 'OrderAccepted':
      case 'OrderRejected':
      case 'OrderCancelled':
      case 'OrderExpired':
        this.#move(news.clientOrderId, STATUS_AFTER[news.type]);
        return;
      case 'ConnectionLost':
        if (!this.isConnected) this.faults.push('lost a connection that was lost');
        this.isConnected = false;
        return;
      case 'ConnectionRestored':
        if (this.isConnected) this.faults.push('restored a connection that was there');
        this.isConnected = true;
        return;
      default:
    }
  }

  /** Executions that were asked for, as a run takes them that comes back: known ones say no more than their fee. */
  absorb(executions: readonly ToldExecution[]): void {
    for (const { corrects, ...execution } of executions) {
      const { executionId } = execution;
      if (this.executions.has(executionId)) this.#charge(executionId, execution.feeMicros);
      else if (!this.#replaced.has(executionId)) {
        if (corrects !== undefined) this.#correct(execution, corrects);
        else this.executions.set(executionId, execution);
      }
    }
  }

  positions(): Record<string, number> {
    const held: Record<string, number> = {};
    for (const { symbol, side, quantity } of this.executions.values()) {
      held[symbol] = (held[symbol] ?? 0) + sideSign(side) * quantity;
    }
    return held;
  }

  feesMicros(): number {
    return [...this.executions.values()].reduce((sum, { feeMicros }) => sum + feeMicros, 0);
  }

  /** Cash that moved. */
  flowMicros(): number {
    let flow = 0;
    for (const { side, quantity, priceE4, feeMicros } of this.executions.values()) {
      flow -= sideSign(side) * quantity * priceE4 * 100 + feeMicros;
    }
    return flow;
  }

  filled(clientOrderId: string): number {
    return [...this.executions.values()]
      .filter((execution) => execution.clientOrderId === clientOrderId)
      .reduce((sum, { quantity }) => sum + quantity, 0);
  }

  #fill(execution: Execution, type: 'OrderFilled' | 'OrderPartiallyFilled'): void {
    const { executionId, clientOrderId } = execution;
    const isKnown = this.executions.has(executionId) || this.#replaced.has(executionId);
    if (isKnown) {
      if (!this.retold.has(clientOrderId)) this.faults.push(`execution ${executionId} was told twice`);
    } else this.executions.set(executionId, execution);
    // one that was asked for before moved no order
    if (!isKnown || !this.isOver(clientOrderId)) this.#move(clientOrderId, STATUS_AFTER[type]);
  }

  #correct(execution: Execution, corrects: string): void {
    const { executionId } = execution;
    if (this.executions.has(executionId) || this.#replaced.has(executionId)) {
      if (!this.retold.has(execution.clientOrderId))
        this.faults.push(`correction ${executionId} was told twice`);
      return;
    }
    if (!this.executions.delete(corrects))
      this.faults.push(`${executionId} corrects ${corrects}, which is unknown`);
    this.#replaced.add(corrects);
    this.executions.set(executionId, execution);
  }

  #charge(executionId: string, feeMicros: number): void {
    const execution = this.executions.get(executionId);
    if (execution !== undefined) this.executions.set(executionId, { ...execution, feeMicros });
    else if (!this.#replaced.has(executionId))
      this.faults.push(`a fee for execution ${executionId}, which is unknown`);
  }

  #move(clientOrderId: string, to: OrderStatus): void {
    const from = this.statuses.get(clientOrderId);
    if (from === undefined) {
      this.faults.push(`news of order ${clientOrderId}, which nobody sent`);
      return;
    }
    const isFill = to === 'filled' || to === 'partially_filled';
    const isLateFill = isFill && !isWorking(from);
    const isRepeat = this.retold.has(clientOrderId) && (from === to || to === 'accepted');
    if (!canMove(from, to) && !isLateFill && !isRepeat) {
      this.faults.push(`order ${clientOrderId}: ${from} -> ${to}`);
    }
    if (!isWorking(to)) this.ends.set(clientOrderId, to);
    if (!isLateFill && !isRepeat) this.statuses.set(clientOrderId, to);
  }
}
