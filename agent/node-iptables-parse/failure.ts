/** Why a dump is refused. Each code stands in README.md. */
export type FailureCode =
  | 'cut'
  | 'missing-table'
  | 'incompatible-table'
  | 'duplicate-table'
  | 'duplicate-chain'
  | 'undeclared-chain'
  | 'garbage'
  | 'control-byte'
  | 'open-quote'
  | 'line-too-long'
  | 'too-big';

export interface ParseFailure {
  /** The line of the dump, from 1; where something is missing, the line it was expected on. */
  readonly line: number;
  readonly code: FailureCode;
  readonly message: string;
}
