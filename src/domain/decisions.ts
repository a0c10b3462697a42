export type DecisionKind = 'TRADE' | 'HOLD' | 'BLOCKED' | 'EXIT';

/** Machine-readable reasons, by the stage that gives them. The first stage that stops a symbol names the reason. */
export type DecisionReason =
  // prediction and volatility
  | 'no_models'
  | 'no_predictions'
  | 'too_few_to_rank'
  | 'no_market_data'
  | 'volatility_warming_up'
  | 'model_warming_up'
  | 'inference_failed'
  // arbitration
  | 'below_threshold'
  | 'explored_below_threshold'
  | 'score_best'
  // gating
  | 'spread_too_wide'
  | 'quote_stale'
  | 'quote_missing'
  | 'quote_crossed'
  | 'quote_locked'
  | 'halted'
  | 'barrier_peak'
  | 'barrier_valley'
  | 'barrier_faulted'
  | 'barrier_masked'
  // exits
  | 'exit_barrier_peak'
  | 'exit_barrier_valley'
  | 'exit_alpha_opposes'
  | 'exit_horizon_elapsed'
  | 'exit_end_of_day'
  // sizing
  | 'inside_band'
  | 'gross_target_reached'
  | 'below_one_lot'
  | 'below_min_notional'
  | 'at_target'
  | 'order_working'
  | 'closing_before_reversal'
  // risk: one code a check
  | RiskCheck;

/** The checks of stage 6, in the order they run. */
export type RiskCheck =
  | 'kill_switch'
  | 'trading_paused'
  | 'connection_lost'
  | 'unreconciled'
  | 'cash_unreconciled'
  | 'session_closed'
  | 'halted_symbol'
  | 'restricted_symbol'
  | 'short_not_allowed'
  | 'no_borrow'
  | 'stale_data'
  | 'stale_quote'
  | 'price_collar'
  | 'max_order_value'
  | 'max_order_shares'
  | 'max_adv_fraction'
  | 'lot_size'
  | 'tick_size'
  | 'max_open_orders_symbol'
  | 'max_open_orders'
  | 'order_rate'
  | 'repeated_execution'
  | 'duplicate_intent'
  | 'cooldown'
  | 'opposite_side_working'
  | 'position_limit'
  | 'gross_limit'
  | 'net_limit'
  | 'sector_limit'
  | 'buying_power';
