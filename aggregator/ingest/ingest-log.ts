/** Where ingest says what an operator should know; a pino logger is one. Tokens and contents of nodes are never in it. */
export interface IngestLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
