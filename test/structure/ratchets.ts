import ts from 'typescript';
import { placeOf, type SourceText } from './sources.ts';

export const MAX_FILE_LINES = 350;
export const MAX_FUNCTION_LINES = 80;

export interface Exceptions {
  /** Path of a file that may be longer, and why. */
  readonly files: Readonly<Record<string, string>>;
  /** `path#function` that may be longer, and why. */
  readonly functions: Readonly<Record<string, string>>;
}

/** What is longer than the house allows, each with the reason it stays so. The lists only get shorter. */
export const EXCEPTIONS: Exceptions = { files: {}, functions: {} };

/** Finds files and functions that outgrew the limits, and exceptions that are no longer needed. */
export function checkRatchets(files: readonly SourceText[], exceptions: Exceptions = EXCEPTIONS): string[] {
  const longFiles = new Map<string, string>();
  const longFunctions = new Map<string, string>();
  for (const file of files) {
    const lines = countLines(file.text);
    if (lines > MAX_FILE_LINES) {
      longFiles.set(file.path, `${file.path}: ${lines} lines, the limit is ${MAX_FILE_LINES}; split it`);
    }
    collectLongFunctions(file, longFunctions);
  }
  return [...settle(longFiles, exceptions.files), ...settle(longFunctions, exceptions.functions)];
}

function settle(long: ReadonlyMap<string, string>, excepted: Readonly<Record<string, string>>): string[] {
  const problems = [...long].filter(([key]) => !Object.hasOwn(excepted, key)).map(([, problem]) => problem);
  const stale = Object.keys(excepted).filter((key) => !long.has(key));
  return [
    ...problems,
    ...stale.map((key) => `${key} is within the limit now; take it off the list of exceptions`),
  ];
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function collectLongFunctions(file: SourceText, long: Map<string, string>): void {
  const visit = (node: ts.Node): void => {
    if (isFunctionWithBody(node)) {
      const lines = ownLines(file, node);
      if (lines > MAX_FUNCTION_LINES) {
        const name = nameOf(node);
        long.set(
          `${file.path}#${name}`,
          `${placeOf(file, node)}: ${name} has ${lines} lines, the limit is ${MAX_FUNCTION_LINES}; take parts out of it`,
        );
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
}

function isFunctionWithBody(node: ts.Node): node is ts.SignatureDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

/** Lines of a function less those of the named functions inside it, which are measured by themselves. */
function ownLines(file: SourceText, node: ts.Node): number {
  let lines = countLines(node.getText(file.tree));
  const visit = (inner: ts.Node): void => {
    if ((ts.isFunctionDeclaration(inner) || ts.isMethodDeclaration(inner)) && isFunctionWithBody(inner)) {
      lines -= countLines(inner.getText(file.tree)) - 1;
    } else {
      ts.forEachChild(inner, visit);
    }
  };
  ts.forEachChild(node, visit);
  return lines;
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined && 'text' in node.name) return String(node.name.text);
  const { parent } = node;
  if ((ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) && ts.isIdentifier(parent.name)) {
    return parent.name.text;
  }
  return 'an unnamed function';
}
