import { CST, Lexer } from 'yaml';

const MAX_TOKENS = 40_000;
const MAX_FLOW_DEPTH = 16;
const MAX_LINE_INDICATORS = 16;
const MAX_INDENT = 128;

/** Tokens that a scenario has no use for, each with what to write instead. */
const REFUSED: Readonly<Record<string, string>> = {
  alias: 'aliases (*name) are not accepted; write the value out',
  anchor: 'anchors (&name) are not accepted; write the value out',
  tag: 'tags (!name) are not accepted; write plain text, a number, true or false',
  'directive-line': 'directives (%NAME) are not accepted; a scenario is YAML 1.2',
  'doc-end': 'document end markers (...) are not accepted; a scenario is one document',
};

export interface ScanProblem {
  /** Offset into the text. */
  readonly offset: number;
  readonly problem: string;
}

interface ScanState {
  tokens: number;
  flowDepth: number;
  lineIndicators: number;
  isLineStart: boolean;
  hasContent: boolean;
}

/**
 * Looks for what makes YAML hostile, before it is composed. The composer recurses into nesting (deep enough, V8
 * ends the process) and compares every pair of keys, so nesting and the number of tokens are bounded here, in one
 * pass over the tokens.
 * @returns the first problem, or undefined
 */
export function scanYaml(text: string): ScanProblem | undefined {
  const state: ScanState = {
    tokens: 0,
    flowDepth: 0,
    lineIndicators: 0,
    isLineStart: true,
    hasContent: false,
  };
  let offset = 0;
  let isContentNext = false;
  for (const token of new Lexer().lex(text)) {
    const type: string = isContentNext ? 'content' : (CST.tokenType(token) ?? 'content');
    isContentNext = type === 'scalar';
    if (type === 'doc-mode' || type === 'flow-error-end' || type === 'scalar') continue;
    const problem = REFUSED[type] ?? problemOf(state, type, token);
    if (problem !== undefined) return { offset, problem };
    offset += token.length;
  }
  return undefined;
}

function problemOf(state: ScanState, type: string, token: string): string | undefined {
  state.tokens += 1;
  if (state.tokens > MAX_TOKENS)
    return `more than ${MAX_TOKENS} YAML tokens; a scenario is smaller than that`;
  const isLineStart = state.isLineStart;
  state.isLineStart = type === 'newline' || token.endsWith('\n');
  if (state.isLineStart) state.lineIndicators = 0;
  switch (type) {
    case 'newline':
    case 'comment':
    case 'byte-order-mark':
      return undefined;
    case 'space':
      return isLineStart && token.length > MAX_INDENT
        ? `indented by more than ${MAX_INDENT} columns; a scenario is not nested that deep`
        : undefined;
    case 'doc-start':
      if (state.hasContent) return 'a second document (---) starts here; a scenario is one document';
      break;
    case 'flow-map-start':
    case 'flow-seq-start':
      state.flowDepth += 1;
      break;
    case 'flow-map-end':
    case 'flow-seq-end':
      state.flowDepth -= 1;
      break;
    case 'seq-item-ind':
    case 'explicit-key-ind':
      state.lineIndicators += 1;
      break;
    default:
  }
  state.hasContent = true;
  return state.flowDepth > MAX_FLOW_DEPTH || state.lineIndicators > MAX_LINE_INDICATORS
    ? `nested more than ${MAX_FLOW_DEPTH} levels deep; a scenario is not`
    : undefined;
}
