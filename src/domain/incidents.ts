/** Something a backtest rehearses: what an operator does or a connection suffers, at a minute of a session. */
export type Incident = {
  /** Session date. */
  readonly session: string;
  /** Minutes after the open. */
  readonly minute: number;
} & (
  | {
      readonly kind: 'operator';
      readonly command: 'pause' | 'resume' | 'kill' | 'reset' | 'flatten' | 'reconcile';
      readonly why: string;
    }
  | {
      readonly kind: 'connection_lost';
      readonly source: 'market_data' | 'broker';
      readonly reason: string;
    }
  | { readonly kind: 'connection_restored'; readonly source: 'market_data' | 'broker' }
);

/** What the source adds to market data: rehearsed incidents in the order of the scenario, and a heartbeat. */
export interface SourceScript {
  readonly incidents: readonly Incident[];
  /** Minutes between heartbeats; 0 gives none. */
  readonly heartbeatMinutes: number;
}
